-- Locks runs, in the order of their ids, and reads their state as it is once the lock is held.
-- $1 smallint shard, $2 text[] run ids
-- Locks: run states, FOR NO KEY UPDATE, waiting. Decide on what this returns, or read in a later statement.
-- Index: run_state_pkey, run_pkey.
select s.run_id, s.run_status::text, s.execution_status::text, s.snapshot_id, s.snapshot_ordinal, s.attempt_number,
       s.max_attempts, s.queue_attempts, s.machine, s.usage_duration_ms, s.cost_in_cents, s.dequeued_at, s.has_waitpoint,
       s.is_dead_lettered, s.retry, r.environment_type::text, r.batch_id, s.error, s.status_reason
from engine.run_state as s
join engine.run as r on r.shard = $1 and r.id = s.run_id
where s.shard = $1 and s.run_id = any ($2)
order by s.run_id
for no key update of s
