-- What roles may do: each role that can use a grant, as it was granted to the role itself, to one of which it is a member, or to PUBLIC.
-- Superusers and members of the extension's owner may everything, and are not listed.
create view engine.permission as
select r.rolname::text as role, g.capability, g.environment_id, pg_get_userbyid(g.role)::text as granted_to, g.granted_at
from engine.grant as g
join pg_roles as r on pg_has_role(r.oid, g.role, 'usage') and not r.rolsuper
where g.role <> 0::regrole
union all
select 'public', g.capability, g.environment_id, 'public', g.granted_at
from engine.grant as g
where g.role = 0::regrole;

comment on view engine.permission is 'What each role may do, and where, by its own grants and those of roles that it is a member of';
comment on column engine.permission.environment_id is '* for every environment';
