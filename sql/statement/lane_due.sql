-- Whether a dequeue has to look at lanes: one is open, a slot was given back, or one of the next unfiled items belongs to a
-- queue with a limit. If not, the next runs are those of the other queues, however much is blocked.
-- $1 smallint shard, $2 text worker queue, $3 text environment id, $4 timestamptz now, $5 integer how many items to look at that
-- are in no lane yet, $6 text[] queues that have a limit, $7 timestamptz before which nothing is alive that is not ahead of its
-- time
-- Locks: none; what appears meanwhile is left to the next dequeue. Index: lane_open, release_environment, queue_item_claim.
select exists (
    select from engine.lane as l
    where l.shard = $1 and l.worker_queue = $2 and l.environment_id = $3 and l.is_open
) or exists (
    select from engine.release as r
    where r.shard = $1 and r.environment_id = $3
) or exists (
    select
    from (
        select q.queue
        from engine.queue_item as q
        where q.shard = $1 and q.worker_queue = $2 and q.environment_id = $3 and not q.is_filed and q.is_ahead
          and q.available_at <= $4
        order by q.available_at, q.run_id
        limit $5
    ) as q
    where q.queue = any ($6)
) or exists (
    select
    from (
        select q.queue
        from engine.queue_item as q
        where q.shard = $1 and q.worker_queue = $2 and q.environment_id = $3 and not q.is_filed and not q.is_ahead
          and q.available_at >= $7 and q.available_at <= $4
        order by q.available_at, q.run_id
        limit $5
    ) as q
    where q.queue = any ($6)
)
