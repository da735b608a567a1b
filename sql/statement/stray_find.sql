-- Due items whose runs are not queued. It takes a broken table for one to be there for good; one that another claimer has
-- just taken is here for a moment.
-- $1 smallint shard, $2 text worker queue, $3 timestamptz now, $4 text environment id, $5 integer how many
-- Locks: none. Index: queue_item_claim, run_state_pkey.
select q.run_id
from engine.queue_item as q
join engine.run_state as s on s.shard = $1 and s.run_id = q.run_id
where q.shard = $1 and q.worker_queue = $2 and q.available_at <= $3 and q.environment_id = $4 and not q.is_filed
  and s.execution_status not in ('QUEUED', 'QUEUED_EXECUTING')
order by q.available_at, q.run_id
limit $5
