-- What the whole server has written to its WAL, PostgreSQL 15 to 17.
select w.wal_sync as flushes, w.wal_fpi as page_images
from pg_stat_wal as w
