-- Reads the tables and indexes of all extensions and users into the server's buffer.
select sum(pg_prewarm(c.oid))
from pg_class as c
where c.relkind in ('r', 'i') and c.relpersistence = 'p' and c.relnamespace <> 'pg_catalog'::regnamespace
  and c.relnamespace not in ('information_schema'::regnamespace, 'pg_toast'::regnamespace)
