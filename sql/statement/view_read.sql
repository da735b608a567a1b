-- The views of schema engine: all of them, or those that show a reader the environments that it may read, which are the ones behind
-- a security barrier.
-- :is_everywhere boolean
-- -> name text
-- Locks: none.
select c.relname::text as name
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'engine' and c.relkind = 'v'
  and (:is_everywhere or coalesce('security_barrier=true' = any (c.reloptions), false))
