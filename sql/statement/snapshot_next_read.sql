-- The snapshots that directly follow those that callers hold, and whether the same worker wrote them.
-- :shard smallint
-- :worker_id text
-- :runner_id text
-- One array element per caller's snapshot:
-- :run_id text[]
-- :snapshot_id text[]
-- -> run_id text, snapshot_id text, next_id text, transition text, execution_status text, run_status text,
-- -> attempt_number integer null, description text, created_at timestamptz, retry_at text null, is_callers boolean,
-- -> before text
-- A snapshot that does not record its worker in columns, because the run leaves it, does so in its detail.
-- Locks: none. Index: snapshot_run, run_state_pkey.
select g.run_id, g.snapshot_id, n.id as next_id, n.transition::text, n.execution_status::text, n.run_status::text, n.attempt_number, n.description,
       n.created_at, n.detail ->> 'retryAt' as retry_at,
       coalesce(coalesce(n.worker_id, n.detail ->> 'workerId') = :worker_id and coalesce(n.runner_id, n.detail ->> 'runnerId') = :runner_id, false) as is_callers,
       h.execution_status::text as before
from unnest(:run_id, :snapshot_id) as g(run_id, snapshot_id)
join engine.unfiltered_history as h on h.shard = :shard and h.run_id = g.run_id and h.id = g.snapshot_id and h.is_valid
cross join lateral (
    select n.*
    from engine.unfiltered_history as n
    where n.shard = :shard and n.run_id = g.run_id and n.ordinal > h.ordinal and n.is_valid
    order by n.ordinal
    limit 1
) as n
