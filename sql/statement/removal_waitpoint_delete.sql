-- Deletes waitpoints, and the records of the runs that waited for them.
-- :shard smallint
-- :waitpoint_ids text[]
-- Locks: held by waitpoint_lock_free; the history's rows, which no session locks. Index: waitpoint_pkey,
-- waitpoint_history_pkey.
with history as (
    delete from engine.waitpoint_history as h
    using unnest(:waitpoint_ids) as g(id)
    where h.shard = :shard and h.waitpoint_id = g.id
)
delete from engine.waitpoint as w
using unnest(:waitpoint_ids) as g(id)
where w.shard = :shard and w.id = g.id
