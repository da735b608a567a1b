-- Two commits, the dequeue: takes the next due run out of its queue, as a commit of its own.
-- The inner half of sql/statement/dequeue_lock.sql and the item of dequeue_apply.sql.
-- $1 smallint shard, $2 text worker queue, $3 timestamptz now
delete from engine.queue_item as i
where i.shard = $1
  and i.run_id = (
    select q.run_id
    from engine.queue_item as q
    where q.shard = $1 and q.worker_queue = $2 and q.environment_id = 'default' and not q.is_filed and not q.is_ahead
      and q.available_at <= $3
    order by q.available_at, q.run_id
    limit 1
    for update skip locked)
returning i.run_id
