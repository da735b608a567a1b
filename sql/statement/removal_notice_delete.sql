-- Deletes the notices of runs; returns the position of the last event of them, null if there was none.
-- :shard smallint
-- :run_ids text[]
-- -> last_position bigint null
-- Locks: the rows, which no session locks. Index: notice_run.
with notice as (
    delete from engine.notice as n
    using unnest(:run_ids) as g(run_id)
    where n.shard = :shard and n.run_id = g.run_id
    returning n.position
)
select max(n.position) * 8 as last_position
from notice as n
