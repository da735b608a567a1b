-- Picks the next due runs of a worker queue and locks them; what a worker needs to know comes along.
-- $1 smallint shard, $2 text worker queue, $3 timestamptz now, $4 text environment id or null for any, $5 integer how many
-- Locks: queue items and run states, both SKIP LOCKED: claimers never wait, neither for each other nor for anyone else.
-- The item's lock is the fence: whoever moves a run out of its queue deletes the item in the same transaction, so a run
-- whose item is locked here is still queued.
-- `offset 0` keeps each join a primary-key lookup per claimed run: the planner takes a LIMIT parameter for a tenth of the
-- queue, and would hash the whole table for it.
-- Index: queue_item_claim, then primary keys.
select s.run_id, s.run_status, s.execution_status, s.snapshot_id, s.snapshot_ordinal, s.attempt_number, s.max_attempts,
       s.queue_attempts, s.machine, s.usage_duration_ms, s.dequeued_at, s.environment_type,
       r.task, r.payload, r.payload_type, r.queue, r.concurrency_key, i.worker_queue, r.environment_id,
       r.project_id, r.organization_id, r.max_duration_seconds, r.is_test, r.replayed_from is not null, r.tags, r.metadata,
       r.trace_context, c.checkpoint, c.completed_waitpoints
from (
    select q.run_id, q.worker_queue
    from engine.queue_item as q
    where q.shard = $1 and q.worker_queue = $2 and q.available_at <= $3 and ($4::text is null or q.environment_id = $4)
    order by q.available_at, q.run_id
    limit $5
    for update skip locked
) as i
cross join lateral (
    select r.*
    from engine.run as r
    where r.shard = $1 and r.id = i.run_id
    offset 0
) as r
cross join lateral (
    select s.run_id, s.run_status::text, s.execution_status::text, s.snapshot_id, s.snapshot_ordinal, s.attempt_number,
           coalesce(s.max_attempts, r.max_attempts) as max_attempts, s.queue_attempts,
           coalesce(s.machine, r.machine) as machine, s.usage_duration_ms, s.dequeued_at,
           r.environment_type::text as environment_type
    from engine.run_state as s
    where s.shard = $1 and s.run_id = i.run_id
    for no key update skip locked
) as s
cross join lateral (
    select (select k.entry from engine.checkpoint_entry as k where k.shard = $1 and k.id = p.checkpoint_id) as checkpoint,
           (select jsonb_agg(w.entry order by w.index)
            from engine.completed_waitpoint as w
            where p.completed_waitpoint_ids <> '{}'
              and w.shard = $1 and w.run_id = s.run_id and w.ordinal = s.snapshot_ordinal) as completed_waitpoints
    from engine.snapshot as p
    where p.shard = $1 and p.run_id = s.run_id and p.ordinal = s.snapshot_ordinal
    offset 0
) as c
