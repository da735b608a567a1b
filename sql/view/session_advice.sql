-- Advice about sessions, transactions and slots: what holds locks, events or vacuum back, and connections that run out. The
-- transaction that holds events back is found as in event_writers.sql: the oldest, with the epoch, which transaction ids in pg_locks
-- lack. Events that cannot be read yet are searched for among the last 20,000 snapshots.
create view engine.session_advice as
with lock as materialized (
    select l.locktype, l.database, l.relation, l.mode, l.pid, l.virtualtransaction, l.transactionid
    from pg_locks as l
    where l.granted and l.locktype in ('relation', 'transactionid')
), writer as (
    select w.pid, w.transactionid, x.next_id - (((x.next_id - w.id + x.half) % x.epoch + x.epoch) % x.epoch - x.half) as id
    from (
        select x.pid, x.transactionid, x.transactionid::text::bigint as id
        from lock as w
        join lock as x on x.virtualtransaction = w.virtualtransaction and x.locktype = 'transactionid' and x.mode = 'ExclusiveLock'
        where w.locktype = 'relation'
          and w.relation = 'engine.snapshot'::regclass
          and w.database = (select d.oid from pg_database as d where d.datname = current_database())
          and w.mode = 'RowExclusiveLock'
    ) as w
    cross join (
        select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next_id, 4294967296 as epoch, 2147483648 as half
    ) as x
    order by id
    limit 1
)
select clock_timestamp() - a.xact_start > interval '10 seconds' as is_problem,
       'lock_holder' as kind,
       a.pid::text as subject,
       format('Session %s (%s) has %s in a transaction that is open since %s.',
              a.pid, coalesce(nullif(a.application_name, ''), a.backend_type), l.what,
              to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"+00"')) as detail,
       'End its transaction: until then no other session can dequeue runs that it might count, or change what it has set.' as hint,
       format('select pg_terminate_backend(%s)', a.pid) as command,
       clock_timestamp() - a.xact_start as age
from (
    -- The kinds of the engine's own locks (engine-ext/src/backend/locks.rs): a mutex, a lane, an environment that is being
    -- set.
    select l.pid, string_agg(distinct case l.objsubid when 17669 then 'set an environment' else 'dequeued runs' end, ' and ') as what
    from pg_locks as l
    where l.locktype = 'advisory' and l.objsubid in (17665, 17667, 17669) and l.granted
      and l.database = (select d.oid from pg_database as d where d.datname = current_database())
    group by l.pid
) as l
join pg_stat_activity as a on a.pid = l.pid
where a.pid <> pg_backend_pid() and a.xact_start < clock_timestamp() - interval '1 second'
union all
select w.age > interval '10 seconds', 'events', w.subject,
       format('%s has written events and is still open: engine_events returns nothing after them.', w.name),
       w.hint,
       w.command,
       w.age
from (
    select w.id,
           coalesce(p.gid, w.pid::text) as subject,
           case when p.gid is null
               then format('Session %s (%s, %s)', w.pid, coalesce(nullif(a.application_name, ''), a.backend_type), a.state)
               else format('Transaction "%s" is prepared. It', p.gid)
           end as name,
           case when p.gid is null
               then 'End its transaction, or set idle_in_transaction_session_timeout.'
               else 'Commit it or roll it back.'
           end as hint,
           case when p.gid is null then format('select pg_terminate_backend(%s)', w.pid)
               else format('rollback prepared %L', p.gid)
           end as command,
           clock_timestamp() - coalesce(p.prepared, a.xact_start) as age
    from writer as w
    left join pg_stat_activity as a on a.pid = w.pid
    left join pg_prepared_xacts as p on w.pid is null and p.transaction = w.transactionid
) as w
where exists (
    select from engine.snapshot as s
    where s.position > (select p.last_value - 20000 from engine.event_position as p)
      and s.horizon > w.id)
union all
-- A session that is idle in a transaction and has neither written nor kept a snapshot holds nothing back.
select a.xact_start < clock_timestamp() - interval '10 minutes', 'horizon', a.pid::text,
       format('Session %s (%s) has been in a transaction since %s: vacuum keeps every row that died since.',
              a.pid, coalesce(nullif(a.application_name, ''), a.backend_type), to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"+00"')),
       'End its transaction, or set idle_in_transaction_session_timeout.',
       format('select pg_terminate_backend(%s)', a.pid),
       clock_timestamp() - a.xact_start
from pg_stat_activity as a
where a.datname = current_database()
  and a.backend_type not in ('autovacuum worker', 'parallel worker', 'walsender')
  and a.pid <> pg_backend_pid()
  and a.xact_start is not null
  and (a.backend_xmin is not null or a.backend_xid is not null)
union all
select p.prepared < clock_timestamp() - interval '10 minutes', 'horizon', p.gid,
       format('Transaction "%s" is prepared: vacuum keeps every row that died since.', p.gid),
       'Commit it or roll it back.',
       format('rollback prepared %L', p.gid),
       clock_timestamp() - p.prepared
from pg_prepared_xacts as p
where p.database = current_database()
union all
select false, 'horizon', s.slot_name,
       format('Replication slot "%s" has no reader, and vacuum keeps rows for it.', s.slot_name),
       'Start its reader, or drop it.',
       format('select pg_drop_replication_slot(%L)', s.slot_name),
       null
from pg_replication_slots as s
where not s.active and (s.xmin is not null or s.catalog_xmin is not null)
union all
-- A transaction of a standby with hot_standby_feedback, by its slot or without one. Its age is known in transactions only.
select h.age > 10000000, 'horizon', coalesce(h.slot_name, h.application_name),
       format('A transaction on standby "%s" is older than the last %s transactions: vacuum keeps every row that died since.',
              coalesce(h.application_name, h.slot_name), h.age),
       'On the standby end its oldest transaction, or set hot_standby_feedback to off.',
       'alter system set hot_standby_feedback = off',
       null
from (
    select s.slot_name::text, r.application_name, age(coalesce(s.xmin, r.backend_xmin)) as age
    from (select s.slot_name, s.active_pid, s.xmin from pg_replication_slots as s where s.active and s.slot_type = 'physical') as s
    full join pg_stat_replication as r on r.pid = s.active_pid
) as h
where h.age > 100000
union all
select n.count >= n.most, 'connections', 'max_connections',
       format('%s of %s connections are in use.', n.count, n.most),
       'Put a pooler in transaction mode before the server, or raise max_connections and restart it.',
       format('alter system set max_connections = %s', 2 * n.most),
       null
from (
    select count(*) as count,
           (select s.setting::integer from pg_settings as s where s.name = 'max_connections')
           - (select s.setting::integer from pg_settings as s where s.name = 'superuser_reserved_connections') as most
    from pg_stat_activity as a
    where a.backend_type = 'client backend'
) as n
where n.count > n.most * 0.8;

comment on view engine.session_advice is 'Part of engine.advice: what holds locks, events or vacuum back, and connections that run out';
