-- Grants for these environments: about roles by name, since those of another server have other numbers.
-- $1 text[] environments, * for grants in all
select jsonb_build_object(
           'grants', coalesce(jsonb_agg(jsonb_build_object(
               'role', case when g.role = 0 then 'public' else pg_get_userbyid(g.role) end,
               'capability', g.capability,
               'environment_id', g.environment_id)), '[]')) as row
from engine.grant as g
where g.environment_id = any ($1) and (g.role = 0 or exists (select from pg_roles as r where r.oid = g.role))
