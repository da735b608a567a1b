-- Locks those of these runs that nobody else has locked, and reads their state.
-- $1 smallint shard, $2 text[] run ids
-- Locks: run states, SKIP LOCKED: whoever holds a run is moving it. Index: run_state_pkey.
select s.run_id, s.run_status::text, s.execution_status::text, s.snapshot_id, s.snapshot_ordinal, s.attempt_number,
       s.max_attempts, s.queue_attempts, s.machine, s.usage_duration_ms, s.dequeued_at,
       (select r.environment_type::text from engine.run as r where r.shard = $1 and r.id = s.run_id)
from engine.run_state as s
where s.shard = $1 and s.run_id = any ($2)
order by s.run_id
for no key update of s skip locked
