-- One commit, the dequeue: picks the next due run and locks its queue item.
-- The inner half of sql/statement/dequeue_lock.sql.
-- $1 smallint shard, $2 text worker queue, $3 timestamptz now
select q.run_id
from engine.queue_item as q
where q.shard = $1 and q.worker_queue = $2 and q.environment_id = 'default' and not q.is_filed and not q.is_ahead
      and q.available_at <= $3
order by q.available_at, q.run_id
limit 1
for update skip locked
