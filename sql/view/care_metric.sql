-- Figures about the tick, the sweep, readers, vacuum and workers, for monitoring.
create view engine.overdue_metric as
select k.kind, coalesce(o.count, 0) as items, greatest(0, coalesce(extract(epoch from o.oldest_age), 0))::double precision as oldest_age_seconds
from unnest(array['heartbeat', 'schedule', 'cancel_run', 'end_delay', 'promote', 'finish_waitpoint', 'continue_run', 'complete_batch',
                  'expire_batch', 'fit_limits']) as k(kind)
left join engine.overdue as o on o.kind = k.kind;

comment on view engine.overdue_metric is 'Work that the tick has not done yet, by kind';

create view engine.reader_metric as
select r.name as reader, r.lag as lag_rows, coalesce(extract(epoch from r.oldest_age), 0)::double precision as oldest_age_seconds,
       r.has_missed::integer as has_missed
from engine.event_reader as r
order by r.lag desc, r.name
limit 100;

comment on view engine.reader_metric is 'How far named readers of events are behind: the hundred that are furthest';

-- What holds vacuum back in this database, with its age in transactions.
create view engine.horizon_metric as
select k.holder, count(h.age) as holders, coalesce(max(h.age), 0) as oldest_age_transactions,
       coalesce(max(h.seconds), 0)::double precision as oldest_age_seconds
from unnest(array['session', 'prepared', 'slot', 'standby']) as k(holder)
left join (
    select 'session' as holder, greatest(age(a.backend_xmin), age(a.backend_xid)) as age, extract(epoch from clock_timestamp() - a.xact_start) as seconds
    from pg_stat_activity as a
    where a.datname = current_database() and a.pid <> pg_backend_pid()
      and a.backend_type not in ('autovacuum worker', 'parallel worker', 'walsender')
      and (a.backend_xmin is not null or a.backend_xid is not null)
    union all
    select 'prepared', age(p.transaction), extract(epoch from clock_timestamp() - p.prepared)
    from pg_prepared_xacts as p
    where p.database = current_database()
    union all
    select 'slot', greatest(age(s.xmin), age(s.catalog_xmin)), null
    from pg_replication_slots as s
    where s.xmin is not null or s.catalog_xmin is not null
    union all
    select 'standby', age(r.backend_xmin), null
    from pg_stat_replication as r
    where r.backend_xmin is not null
) as h on h.holder = k.holder
group by k.holder;

comment on view engine.horizon_metric is 'Sessions, prepared transactions, slots and standbys for which vacuum keeps dead rows';

create view engine.table_metric as
select t.relname::text as "table", t.n_live_tup as live_rows, t.n_dead_tup as dead_rows, pg_total_relation_size(t.relid) as bytes
from pg_stat_user_tables as t
where t.schemaname = 'engine';

comment on view engine.table_metric is 'Live and dead rows of the tables, and their bytes with indexes';

-- A worker beats if it started a run that has a heartbeat of the last minute, or has taken a turn in it.
create view engine.worker_metric as
select count(distinct w.worker_id) as beating
from (
    select s.worker_id
    from engine.heartbeat as h
    join engine.run_state as r on r.shard = h.shard and r.run_id = h.run_id
    join engine.snapshot as s on s.shard = h.shard and s.run_id = h.run_id and s.ordinal = r.snapshot_ordinal
    where h.deadline_at - h.interval_ms * interval '1 millisecond' > (select t.now from engine.clock as t) - interval '1 minute'
    union all
    select t.worker_id
    from engine.turn as t
    where t.taken_at > (select t.now from engine.clock as t) - interval '1 minute'
) as w;

comment on view engine.worker_metric is 'How many workers have sent a heartbeat or taken a turn in the last minute, by worker_id';
