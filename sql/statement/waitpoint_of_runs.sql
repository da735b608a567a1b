-- The waitpoints that the ends of locked runs complete. Only a session with the run's lock creates one.
-- :shard smallint
-- :run_ids text[]
-- -> completed_by_run_id text, id text
-- Locks: none. Index: waitpoint_run.
select w.completed_by_run_id, w.id
from unnest(:run_ids) as g(run_id)
cross join lateral (
    select w.completed_by_run_id, w.id
    from engine.waitpoint as w
    where w.shard = :shard and w.completed_by_run_id = g.run_id
    offset 0
) as w
