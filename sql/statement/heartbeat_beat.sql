-- Beats: moves the deadlines of these runs, each only if its snapshot is still the watched one. Returns the latest snapshots of
-- the moved ones, by their ordinals in the arrays: as a watched snapshot is the latest, they are those that were given.
-- :shard smallint
-- :now timestamptz
-- :run_ids text[]
-- :snapshot_ids text[]: snapshot ids, element by element
-- -> ordinal bigint, run_id text, id text, execution_status text, run_status text, attempt_number integer null, description text,
-- -> created_at timestamptz, interval_ms bigint
-- Locks: deadlines, in the order of the run ids, waiting for a transition of the run that is about to commit; that one is not
-- seen here: read the others in a later statement. Index: heartbeat_pkey, run_state_pkey, snapshot_run; touches none (HOT).
update engine.heartbeat as h
set deadline_at = :now + h.interval_ms * interval '1 millisecond',
    -- later only after the clock was set back
    check_at = least(h.check_at, :now + h.interval_ms * interval '1 millisecond')
from (
    select g.run_id, g.snapshot_id, g.ordinal
    from unnest(:run_ids, :snapshot_ids) with ordinality as g(run_id, snapshot_id, ordinal)
    order by g.run_id collate "C"
) as beat
cross join engine.run_state as s
cross join lateral (
    select p.execution_status, p.run_status, p.attempt_number, p.description, p.created_at
    from engine.unfiltered_history as p
    where p.shard = :shard and p.run_id = s.run_id and p.ordinal = s.snapshot_ordinal and p.ordinal / 16 = s.snapshot_ordinal / 16
    -- planned apart, so that what the view joins for its ids is left out
    offset 0
) as p
where h.shard = :shard and h.run_id = beat.run_id and h.snapshot_id = beat.snapshot_id
  and s.shard = :shard and s.run_id = beat.run_id
returning beat.ordinal, h.run_id, s.snapshot_id as id, p.execution_status::text, p.run_status::text, p.attempt_number, p.description, p.created_at,
          h.interval_ms
