-- Transactions that began before the shard was set MOVING: they may still write to it.
-- $1 text when that was
select jsonb_build_object(
           'count', count(*),
           'pid', min(w.pid),
           'since', min(w.begun_at)) as row
from (
    select a.pid, a.xact_start as begun_at
    from pg_stat_activity as a
    where a.datname = current_database() and a.backend_type not in ('walsender', 'autovacuum worker') and a.pid <> pg_backend_pid()
      and a.xact_start < $1::timestamptz
    union all
    select null, p.prepared
    from pg_prepared_xacts as p
    where p.database = current_database() and p.prepared < $1::timestamptz
) as w
