-- The schema of the functions.
-- -> name text
-- Locks: none.
select n.nspname::text as name
from pg_extension as x
join pg_namespace as n on n.oid = x.extnamespace
where x.extname = 'engine'
