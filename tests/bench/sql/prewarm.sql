-- Reads the engine's tables and indexes into the server's buffer.
select sum(pg_prewarm(c.oid))
from pg_class as c
where c.relnamespace = 'engine'::regnamespace and c.relkind in ('r', 'i')
