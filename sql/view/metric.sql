-- All figures for monitoring, a row each: what engine_metrics returns. Names are those that exporters make of the views above:
-- engine_, the view, the column.
create view engine.metric as
select 'engine_queue_' || m.name as name, 'gauge' as kind, m.help, jsonb_build_object('environment', q.environment, 'queue', q.queue) as labels, m.value
from engine.queue_metric as q
cross join lateral (values
    ('queued', 'Queued runs', q.queued::double precision),
    ('due', 'Queued runs that can be dequeued now', q.due),
    ('running', 'Runs that hold a slot', q.running),
    ('oldest_due_age_seconds', 'How long the oldest due run has been due', q.oldest_due_age_seconds),
    ('concurrency_limit', 'Slots that runs of the queue, or of each of its keys, may hold', q.concurrency_limit),
    ('paused', 'Queues that are paused', q.paused)
) as m(name, help, value)
union all
select 'engine_environment_' || m.name, 'gauge', m.help, jsonb_build_object('environment', e.environment), m.value
from engine.environment_metric as e
cross join lateral (values
    ('queued', 'Queued runs', e.queued::double precision),
    ('due', 'Queued runs that can be dequeued now', e.due),
    ('running', 'Runs that hold a slot', e.running),
    ('oldest_due_age_seconds', 'How long the oldest due run has been due', e.oldest_due_age_seconds),
    ('slot_limit', 'Slots that all queues of the environment together may hold', e.slot_limit),
    ('paused', 'Environments that are paused', e.paused)
) as m(name, help, value)
union all
select 'engine_outcome_ended_per_second', 'gauge', 'Runs that ended in the last minute, per second', jsonb_build_object('outcome', o.outcome),
       o.ended_per_second
from engine.outcome_metric as o
union all
select 'engine_activity_' || m.name, 'gauge', m.help, '{}', m.value
from engine.activity_metric as a
cross join lateral (values
    ('triggered_per_second', 'Runs triggered in the last minute, per second', a.triggered_per_second),
    ('dequeued_per_second', 'Runs dequeued in the last minute, per second', a.dequeued_per_second),
    ('retried_per_second', 'Retries in the last minute, per second', a.retried_per_second),
    ('stalled_per_second', 'Attempts whose worker missed its deadline in the last minute, per second', a.stalled_per_second),
    ('claim_latency_median_seconds', 'Median time from when runs were due to their dequeue, of the last minute', a.claim_latency_median_seconds),
    ('claim_latency_p99_seconds', 'Time from when runs were due to their dequeue that one in a hundred exceeds', a.claim_latency_p99_seconds),
    ('claim_latency_max_seconds', 'Longest time from when a run was due to its dequeue, of the last minute', a.claim_latency_max_seconds)
) as m(name, help, value)
union all
select 'engine_overdue_' || m.name, 'gauge', m.help, jsonb_build_object('kind', o.kind), m.value
from engine.overdue_metric as o
cross join lateral (values
    ('items', 'Work that the tick has not done yet', o.items::double precision),
    ('oldest_age_seconds', 'How long the oldest of it has been due', o.oldest_age_seconds)
) as m(name, help, value)
union all
select 'engine_reader_' || m.name, 'gauge', m.help, jsonb_build_object('reader', r.reader), m.value
from engine.reader_metric as r
cross join lateral (values
    ('lag_rows', 'Rows of history that a named reader of events has not acknowledged', r.lag_rows::double precision),
    ('oldest_age_seconds', 'Age of the oldest of them', r.oldest_age_seconds),
    ('has_missed', '1 if events were removed that it has not acknowledged', r.has_missed)
) as m(name, help, value)
union all
select 'engine_horizon_' || m.name, 'gauge', m.help, jsonb_build_object('holder', h.holder), m.value
from engine.horizon_metric as h
cross join lateral (values
    ('holders', 'What holds vacuum back', h.holders::double precision),
    ('oldest_age_transactions', 'How many transactions the oldest of them holds back', h.oldest_age_transactions),
    ('oldest_age_seconds', 'How long the oldest of them has lasted, where that is known', h.oldest_age_seconds)
) as m(name, help, value)
union all
select 'engine_table_' || m.name, 'gauge', m.help, jsonb_build_object('table', t."table"), m.value
from engine.table_metric as t
cross join lateral (values
    ('live_rows', 'Live rows, as Postgres estimates them', t.live_rows::double precision),
    ('dead_rows', 'Dead rows, as Postgres estimates them', t.dead_rows),
    ('bytes', 'Size with indexes', t.bytes)
) as m(name, help, value)
union all
select 'engine_kept_' || m.name, 'gauge', m.help, '{}', m.value
from engine.kept as k
cross join lateral (values
    ('runs', 'Runs that are kept, as Postgres estimates them', k.run_count::double precision),
    ('due_stretches', 'Stretches of runs that are due for a look of the sweep', k.due_stretches),
    ('sweep_lag_seconds', 'How long the sweep has been due',
        greatest(0, coalesce(extract(epoch from (select t.now from engine.clock as t) - k.due_since), 0))::double precision)
) as m(name, help, value)
union all
select 'engine_worker_beating', 'gauge', 'Workers that have sent a heartbeat or taken a turn in the last minute', '{}', w.beating
from engine.worker_metric as w
union all
select 'engine_history_positions', 'counter', 'Transitions of runs, and notices; those that were rolled back count, too', '{}',
       case when p.is_called then p.last_value else 0 end
from engine.event_position as p;

comment on view engine.metric is 'All figures for monitoring, a row each';
comment on column engine.metric.kind is 'gauge, or counter';
