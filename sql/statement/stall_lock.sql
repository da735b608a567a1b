-- Picks runs whose heartbeat deadline has passed and locks them.
-- $1 smallint shard, $2 timestamptz now, $3 integer how many
-- Locks: deadlines and run states, both SKIP LOCKED: ticks never wait. A deadline that is locked here can not be moved by
-- a beat any more; one that a beat moved before is checked again under the lock and left out.
-- Index: heartbeat_check, then run_state_pkey.
select s.run_id, s.run_status, s.execution_status, s.snapshot_id, s.snapshot_ordinal, s.attempt_number, s.max_attempts,
       s.queue_attempts, s.machine, s.usage_duration_ms, s.dequeued_at, s.environment_type
from (
    select h.run_id, h.snapshot_id
    from engine.heartbeat as h
    where h.shard = $1 and h.check_at <= $2 and h.deadline_at <= $2
    order by h.check_at
    limit $3
    for update skip locked
) as h
cross join lateral (
    select s.run_id, s.run_status::text, s.execution_status::text, s.snapshot_id, s.snapshot_ordinal, s.attempt_number,
           s.max_attempts, s.queue_attempts, s.machine, s.usage_duration_ms, s.dequeued_at,
           (select r.environment_type::text from engine.run as r where r.shard = $1 and r.id = s.run_id) as environment_type
    from engine.run_state as s
    where s.shard = $1 and s.run_id = h.run_id and s.snapshot_id = h.snapshot_id
    for no key update skip locked
) as s
order by s.run_id
