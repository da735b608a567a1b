-- The latest snapshots of these runs, in the given order; nulls for a run that does not exist.
-- :shard smallint
-- :run_ids text[]
-- -> run_id text, id text null, execution_status text null, run_status text null, attempt_number integer null,
-- -> description text null, created_at timestamptz null, interval_ms bigint null
-- Locks: none. Index: run_state_pkey, snapshot_run, heartbeat_pkey.
select g.run_id, s.snapshot_id as id, p.execution_status::text, p.run_status::text, p.attempt_number, p.description, p.created_at, h.interval_ms
from unnest(:run_ids) with ordinality as g(run_id, position)
left join engine.run_state as s on s.shard = :shard and s.run_id = g.run_id
left join engine.unfiltered_history as p on p.shard = :shard and p.run_id = g.run_id and p.ordinal = s.snapshot_ordinal
                             and p.ordinal / 16 = s.snapshot_ordinal / 16
left join engine.heartbeat as h on h.shard = :shard and h.run_id = g.run_id
order by g.position
