-- Beats: moves the deadlines of these runs, each only if its snapshot is still the watched one.
-- :shard smallint
-- :now timestamptz
-- :run_ids text[]
-- :snapshot_ids text[]: snapshot ids, element by element
-- Locks: deadlines, in the order of the run ids, waiting for a transition of the run that is about to commit.
-- Index: heartbeat_pkey; touches none (HOT).
update engine.heartbeat as h
set deadline_at = :now + h.interval_ms * interval '1 millisecond'
from (
    select g.run_id, g.snapshot_id
    from unnest(:run_ids, :snapshot_ids) as g(run_id, snapshot_id)
    order by g.run_id
) as beat
where h.shard = :shard and h.run_id = beat.run_id and h.snapshot_id = beat.snapshot_id
