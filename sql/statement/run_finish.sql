-- Ends locked runs: state and result; deletes slot and deadline; of a run that says how long it is kept, sets the timer that ends
-- that. Returns the runs whose slot counted against a limit, and whether
-- each leaves a note for the next dequeue (slot_release).
-- :shard smallint
-- :now timestamptz
-- :execution_status text
-- One array element per run, in the order of the run ids:
-- :run_id text[]
-- :snapshot_id text[]
-- :ordinal integer[]
-- :run_status text[]
-- :output text[]
-- :output_type text[]
-- :error jsonb[]
-- :usage_duration_ms integer[]: usage (ms)
-- :cost_in_cents double precision[]: cost (cents)
-- :completed_at timestamptz[]
-- :is_dead_lettered boolean[]: whether it is a dead letter
-- -> run_id text, is_noted boolean
-- Locks: run states held by run_lock or run_lock_free; the deadlines' and the timers' rows: a tick that holds a timer waits for no
-- run. Index: primary keys.
with heartbeat as (
    delete from engine.heartbeat as h
    where h.shard = :shard and h.run_id = any (:run_id)
    returning h.run_id, h.is_counted, h.is_noted
), state as (
    update engine.run_state as s
    set run_status = f.run_status::engine.run_status,
        execution_status = :execution_status::engine.execution_status,
        snapshot_id = f.snapshot_id,
        snapshot_ordinal = f.ordinal,
        completed_at = coalesce(f.completed_at, s.completed_at),
        output = f.output,
        output_type = nullif(f.output_type, 'application/json'),
        error = f.error,
        usage_duration_ms = f.usage_duration_ms,
        cost_in_cents = nullif(f.cost_in_cents, 0),
        is_dead_lettered = f.is_dead_lettered,
        batch_id = null,
        checkpoint_id = null,
        completed_waitpoint_ids = null,
        completed_waitpoint_order = null,
        updated_at = :now
    from unnest(:run_id, :snapshot_id, :ordinal, :run_status, :output, :output_type, :error, :usage_duration_ms, :cost_in_cents,
                :completed_at, :is_dead_lettered)
         as f(run_id, snapshot_id, ordinal, run_status, output, output_type, error, usage_duration_ms, cost_in_cents,
              completed_at, is_dead_lettered)
    where s.shard = :shard and s.run_id = f.run_id
    returning s.run_id, s.keep_ms
), timer as (
    insert into engine.timer (shard, kind, id, due_at)
    select :shard, 'END_KEEP', s.run_id, :now + s.keep_ms * interval '1 millisecond'
    from state as s
    where s.keep_ms is not null
    on conflict (shard, kind, id) do update set due_at = excluded.due_at
)
select h.run_id, h.is_noted
from heartbeat as h
where h.is_counted
