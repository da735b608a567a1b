-- Deletes the history of runs; returns the position of the last event in it, nothing if it had none.
-- :shard smallint
-- :run_ids text[]
-- -> last_position bigint null
-- Locks: the rows, which no session locks. Index: snapshot_pkey.
with snapshot as (
    delete from engine.snapshot as s
    using unnest(:run_ids) as g(run_id)
    where s.shard = :shard and s.run_id = g.run_id
    returning s.position, s.transition, s.detail
), last as (
    select s.position, s.transition
    from snapshot as s
    where s.detail is null or not s.detail ? 'isSilent'
    order by s.position desc
    limit 1
)
select l.position * 8 + (select max(k.place) from engine.event_kind as k where k.transition = l.transition) as last_position
from last as l
