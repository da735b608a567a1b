-- Due items of runs that are not queued. Only a damaged table has one permanently; one that another dequeue has just claimed
-- is seen for a moment.
-- $1 smallint shard, $2 text worker queue, $3 timestamptz now, $4 text environment id, $5 integer how many,
-- $6 timestamptz before which nothing is alive that is not ahead of its time
-- Locks: none. Index: queue_item_claim, run_state_pkey.
select q.run_id
from (
    select a.run_id, a.available_at
    from engine.queue_item as a
    where a.shard = $1 and a.worker_queue = $2 and a.environment_id = $4 and not a.is_filed and a.is_ahead
      and a.available_at <= $3
    union all
    select b.run_id, b.available_at
    from engine.queue_item as b
    where b.shard = $1 and b.worker_queue = $2 and b.environment_id = $4 and not b.is_filed and not b.is_ahead
      and b.available_at >= $6 and b.available_at <= $3
) as q
join engine.run_state as s on s.shard = $1 and s.run_id = q.run_id
where s.execution_status not in ('QUEUED', 'QUEUED_EXECUTING')
order by q.available_at, q.run_id
limit $5
