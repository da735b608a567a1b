-- Deletes the records of the waits of runs; returns the waitpoints that they name.
-- :shard smallint
-- :run_ids text[]
-- -> waitpoint_id text
-- Locks: the rows, which no session locks. Index: waitpoint_history_run.
with history as (
    delete from engine.waitpoint_history as h
    using unnest(:run_ids) as g(run_id)
    where h.shard = :shard and h.run_id = g.run_id
    returning h.waitpoint_id
)
select distinct h.waitpoint_id
from history as h
