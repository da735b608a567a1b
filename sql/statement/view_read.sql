-- The views of schema engine.
-- -> name text
-- Locks: none.
select c.relname::text as name
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'engine' and c.relkind = 'v'
