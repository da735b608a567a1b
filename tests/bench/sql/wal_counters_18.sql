-- What the whole server has written to its WAL, from PostgreSQL 18 on.
select (select sum(o.fsyncs)::bigint from pg_stat_io as o where o.object = 'wal') as flushes,
       w.wal_fpi as page_images
from pg_stat_wal as w
