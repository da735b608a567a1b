-- Hands runs out and starts them.
-- $1 text[] run ids, $2 text[] latest snapshot ids, $3 text[] snapshot ids of the dequeues, $4 text[] of the starts
with given as (
    select g.*
    from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as g(run_id, previous_id, dequeue_id, start_id)
), item as (
    delete from floor.queue_item as q
    where q.shard = 0 and q.run_id = any ($1)
), heartbeat as (
    insert into floor.heartbeat (
        shard, run_id, snapshot_id, interval_ms, deadline_at, check_at, holds_slot, is_counted, is_noted, acquired_at,
        environment_id, queue, concurrency_key)
    select 0, g.run_id, g.start_id, 60000, now() + interval '1 minute', now() + interval '1 minute', true, false, false, now(),
           'default', 'task/noop', ''
    from given as g
), dequeue as (
    insert into floor.snapshot (
        shard, run_id, ordinal, id, previous_snapshot_id, transition, execution_status, run_status, attempt_number, position,
        horizon, created_at, description)
    select 0, g.run_id, 2, g.dequeue_id, g.previous_id, 'DEQUEUED', 'PENDING_EXECUTING', 'PENDING', null, nextval('floor.position'), 1, now(), 'Dequeued'
    from given as g
), start as (
    insert into floor.snapshot (
        shard, run_id, ordinal, id, previous_snapshot_id, transition, execution_status, run_status, attempt_number, position,
        horizon, created_at, description)
    select 0, g.run_id, 3, g.start_id, g.dequeue_id, 'STARTED', 'EXECUTING', 'EXECUTING', 1, nextval('floor.position'), 1, now(), 'Attempt started'
    from given as g
)
update floor.run_state as s
set run_status = 'EXECUTING',
    execution_status = 'EXECUTING',
    snapshot_id = g.start_id,
    snapshot_ordinal = 3,
    attempt_number = 1,
    max_attempts = 3,
    machine = 'small-1x',
    started_at = now(),
    dequeued_at = now(),
    executed_at = now(),
    updated_at = now()
from given as g
where s.shard = 0 and s.run_id = g.run_id
