-- Whether an item that is ahead of its time is due.
-- $1 smallint shard, $2 text worker queue, $3 text environment id, $4 timestamptz now
-- Locks: none. Index: queue_item_claim.
select exists (
    select
    from engine.queue_item as q
    where q.shard = $1 and q.worker_queue = $2 and q.environment_id = $3 and not q.is_filed and q.is_ahead
      and q.available_at <= $4)
