-- Advice for operators. A row exists while its cause lasts, perhaps only for a moment: age says how long that has been, and
-- is null where it is unknown or does not matter. The last dequeue of a queue is searched for among the last 20,000
-- snapshots, as in engine.rate; so are events that cannot be read yet. The transaction that holds events back is found as in
-- event_writers.sql: the oldest, with the epoch, which transaction ids in pg_locks lack.
create view engine.advice as
with taken as materialized (
    select r.environment_id, r.queue, max(s.created_at) as last_at
    from engine.snapshot as s
    join engine.run as r on r.shard = s.shard and r.id = s.run_id
    where s.transition = 'DEQUEUED'
      and s.position > (select p.last_value - 20000 from engine.event_position as p)
      and s.position <= (select p.last_value from engine.event_position as p)
    group by r.environment_id, r.queue
), lock as materialized (
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
select true as is_problem,
       'tick' as kind,
       o.kind as subject,
       format('Overdue work of kind "%s": %s.', o.kind, o.count) as detail,
       'Call engine_tick every second: from a worker of engine-client, or from the preloaded library.' as hint,
       o.oldest_age as age
from engine.overdue as o
union all
select true, 'unclaimed', q.queue,
       format('Queue "%s" of environment "%s" has due runs: %s. No worker dequeues them.', q.queue, q.environment_id, q.due),
       'Start a worker for their worker queue, or raise the limit that holds them back.',
       least(q.oldest_age, clock_timestamp() - t.last_at)
from engine.queue_stats as q
left join engine.environment as e on e.id = q.environment_id
left join taken as t on t.environment_id = q.environment_id and t.queue = q.queue
where q.due > 0 and q.running = 0 and not q.is_paused and not coalesce(e.is_paused, false)
union all
select clock_timestamp() - a.xact_start > interval '10 seconds', 'lock_holder', a.pid::text,
       format('Session %s (%s) has %s in a transaction that is open since %s.',
              a.pid, coalesce(nullif(a.application_name, ''), a.backend_type), l.what,
              to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"+00"')),
       'End its transaction: until then no other session can dequeue runs that it might count, or change what it has set.',
       clock_timestamp() - a.xact_start
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
select r.has_missed or r.oldest_age > r.max_lag, 'event_reader', r.name,
       case when r.has_missed then format('Events were removed that reader "%s" of events has not acknowledged.', r.name)
            else format('Reader "%s" of events has not acknowledged %s rows of history; it holds back what is younger than %s.',
                        r.name, r.lag, r.max_lag) end,
       case when r.has_missed then 'Acknowledge the position that the error RE015 names, and read what is missing from the tables that it fills.'
            else 'Have it call engine_events and engine_event_ack, or delete it with engine_delete_event_reader.' end,
       r.oldest_age
from engine.event_reader as r
where r.has_missed or r.oldest_age > r.max_lag / 2
union all
select false, 'paused', q.queue,
       format('Queue "%s" of environment "%s" is paused and has due runs: %s.', q.queue, q.environment_id, q.due),
       case when q.is_paused then 'Resume the queue.' else 'Resume the environment.' end,
       q.oldest_age
from engine.queue_stats as q
left join engine.environment as e on e.id = q.environment_id
where q.due > 0 and (q.is_paused or e.is_paused)
union all
select w.age > interval '10 seconds', 'events', w.subject,
       format('%s has written events and is still open: engine_events returns nothing after them.', w.name),
       w.hint,
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
select true, 'deadlock', d.subject, d.detail, d.hint, d.age
from engine.deadlock as d
union all
select k.due_since < clock_timestamp() - interval '1 hour', 'retention', 'sweep',
       format('Runs are due for a look of the sweep: %s stretches of up to 1000.', k.due_stretches),
       'Call engine_sweep(100000) until it returns 0, and engine_tick with more items if this comes again.',
       clock_timestamp() - k.due_since
from engine.kept as k
where k.due_since < clock_timestamp() - interval '10 minutes'
union all
select false, 'retention', 'engine.retention',
       format('No run is ever removed, and there are about %s.', k.run_count),
       'Say how long to keep them: engine_set_retention, or engine_delete_retention() for the built-in times.',
       null
from engine.kept as k
where not k.is_swept
union all
select false, 'horizon', a.pid::text,
       format('Session %s (%s) has been in a transaction since %s: vacuum keeps every row that died since.',
              a.pid, coalesce(nullif(a.application_name, ''), a.backend_type), to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"+00"')),
       'End its transaction, or set idle_in_transaction_session_timeout.',
       clock_timestamp() - a.xact_start
from pg_stat_activity as a
where a.datname = current_database()
  and a.backend_type = 'client backend'
  and a.pid <> pg_backend_pid()
  and a.xact_start is not null
union all
select false, 'horizon', p.gid,
       format('Transaction "%s" is prepared: vacuum keeps every row that died since.', p.gid),
       'Commit it or roll it back.',
       clock_timestamp() - p.prepared
from pg_prepared_xacts as p
where p.database = current_database()
union all
select false, 'horizon', s.slot_name,
       format('Replication slot "%s" has no reader, and vacuum keeps rows for it.', s.slot_name),
       'Start its reader, or drop it.',
       null
from pg_replication_slots as s
where not s.active and (s.xmin is not null or s.catalog_xmin is not null)
union all
select false, 'vacuum', t.relname,
       format('Table engine.%s has %s dead rows and %s live ones.', t.relname, t.n_dead_tup, t.n_live_tup),
       'Lower autovacuum_naptime to 5s, raise autovacuum_vacuum_cost_limit, and look for long transactions.',
       null
from pg_stat_user_tables as t
where t.schemaname = 'engine' and t.n_dead_tup > 50000 and t.n_dead_tup > 2 * t.n_live_tup
union all
select true, 'vacuum', c.relname,
       format('Autovacuum is off for table engine.%s.', c.relname),
       format('alter table engine.%I reset (autovacuum_enabled)', c.relname),
       null
from pg_class as c
cross join lateral pg_options_to_table(c.reloptions) as o
where c.relnamespace = 'engine'::regnamespace
  and o.option_name = 'autovacuum_enabled' and not o.option_value::boolean
union all
select true, 'index', c.relname,
       format('Index engine.%s is not valid: no plan uses it.', c.relname),
       format('reindex index concurrently engine.%I', c.relname),
       null
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
where c.relnamespace = 'engine'::regnamespace and not i.indisvalid
union all
select w.is_problem, 'setting', s.name, format('%s is %s. %s', s.name, s.setting, w.consequence),
       format('Set it to "%s".', w.fit),
       null
from (values
    (true, 'autovacuum', 'off', 'on', 'Dead rows remain, and every dequeue scans them.'),
    (true, 'track_counts', 'off', 'on', 'Autovacuum does not run without it.'),
    (true, 'fsync', 'off', 'on', 'A crash of the machine may corrupt the data.'),
    (true, 'full_page_writes', 'off', 'on', 'A crash of the machine may leave torn pages.'),
    (true, 'default_transaction_isolation', 'repeatable read', 'read committed', 'Functions that lock runs refuse this level.'),
    (true, 'default_transaction_isolation', 'serializable', 'read committed', 'Functions that lock runs refuse this level.'),
    (true, 'default_transaction_read_only', 'on', 'off', 'Nothing can be triggered, dequeued or completed.'),
    (false, 'synchronous_commit', 'off', 'on', 'A crash may lose the last commits, and triggers with them.')
) as w(is_problem, name, unfit, fit, consequence)
join pg_settings as s on s.name = w.name and s.setting = w.unfit
union all
select false, 'connections', 'max_connections',
       format('%s of %s connections are in use.', n.count, n.most),
       'Put a pooler in transaction mode before the server, or raise max_connections.',
       null
from (
    select count(*) as count, current_setting('max_connections')::integer as most
    from pg_stat_activity as a
    where a.backend_type = 'client backend'
) as n
where n.count > n.most * 0.8
union all
select false, 'version', x.extname,
       format('Version %s is installed on the server, and this database has %s.', v.default_version, x.extversion),
       'alter extension engine update',
       null
from pg_extension as x
join pg_available_extensions as v on v.name = x.extname
where x.extname = 'engine' and v.default_version <> x.extversion;

comment on view engine.advice is 'Advice for operators: overdue work, transactions that hold vacuum back, settings that do not fit';
comment on column engine.advice.is_problem is 'Whether something is wrong, or may go wrong: other rows are advice';
comment on column engine.advice.age is 'How long this has been so; null where that is unknown or does not matter';
