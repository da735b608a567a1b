-- Due items of runs that are not queued. Only a damaged table has one permanently; one that another dequeue has just claimed
-- is seen for a moment.
-- :shard smallint
-- :worker_queue text
-- :now timestamptz
-- :environment_id text
-- :max_runs integer: most rows
-- :low timestamptz: time before which only items ahead of their time are live
-- -> run_id text
-- Locks: none. Index: queue_item_order, run_state_pkey.
select q.run_id
from (
    select a.run_id, a.available_at
    from engine.queue_item as a
    where a.worker_queue = :worker_queue and a.environment_id = :environment_id and not a.is_filed and a.is_ahead
      and a.available_at <= :now
    union all
    select b.run_id, b.available_at
    from engine.queue_item as b
    where b.worker_queue = :worker_queue and b.environment_id = :environment_id and not b.is_filed and not b.is_ahead
      and b.available_at >= :low and b.available_at <= :now
) as q
join engine.run_state as s on s.shard = :shard and s.run_id = q.run_id
where s.execution_status not in ('QUEUED', 'QUEUED_EXECUTING')
order by q.available_at, q.run_id
limit :max_runs
