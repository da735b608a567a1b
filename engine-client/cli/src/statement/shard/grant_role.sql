-- Roles with grants in another database that this server does not have.
-- $1 jsonb of the other database
select jsonb_build_object('role', g.role) as row
from jsonb_to_recordset($1) as g(role text)
where g.role <> 'public' and not exists (select from pg_roles as r where r.rolname = g.role)
group by g.role
order by g.role
