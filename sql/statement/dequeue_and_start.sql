-- Takes locked runs out of the queue and starts their first attempts: deletes the queue item, moves the state once. Before its first
-- attempt a run has nothing that its snapshots would inherit: no history is read.
-- :shard smallint
-- :now timestamptz
-- :execution_status text
-- :run_status text
-- :base_cost_in_cents double precision
-- :is_warm_start boolean
-- One array element per run:
-- :run_id text[]
-- :snapshot_id text[]: snapshot of the start
-- :ordinal integer[]: its ordinal
-- :attempt_number integer[]
-- :max_attempts integer[]
-- :machine text[]
-- :retry jsonb[]: retry settings
-- :version text[]
-- :max_duration_seconds integer[]
-- Locks: held by dequeue_lock. Index: primary keys.
with item as (
    delete from engine.queue_item as i
    where i.shard = :shard and i.run_id = any (:run_id)
)
update engine.run_state as s
set run_status = :run_status::engine.run_status,
    execution_status = :execution_status::engine.execution_status,
    snapshot_id = c.snapshot_id,
    snapshot_ordinal = c.ordinal,
    attempt_number = c.attempt_number,
    max_attempts = c.max_attempts,
    machine = c.machine,
    retry = c.retry,
    version = c.version,
    max_duration_seconds = c.max_duration_seconds,
    base_cost_in_cents = nullif(:base_cost_in_cents, 0),
    started_at = coalesce(s.started_at, s.dequeued_at),
    dequeued_at = :now,
    executed_at = coalesce(s.executed_at, :now),
    is_warm_start = :is_warm_start,
    prepared_at = null,
    attempt_batch_id = null,
    updated_at = :now
from unnest(:run_id, :snapshot_id, :ordinal, :attempt_number, :max_attempts, :machine, :retry, :version, :max_duration_seconds)
     as c(run_id, snapshot_id, ordinal, attempt_number, max_attempts, machine, retry, version, max_duration_seconds)
where s.shard = :shard and s.run_id = c.run_id
