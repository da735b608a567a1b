-- What decides whether locked runs continue: their edges with the waitpoints, whether there is a checkpoint, and their queue
-- order. One row per edge; a run without edges has one row.
-- :shard smallint
-- :run_ids text[]
-- -> run_id text, has_checkpoint boolean, position timestamptz, waitpoint_id text null, type text null,
-- -> is_completed boolean, batch_index integer null
-- `offset 0` keeps each join a lookup per run or edge.
-- Locks: none; read in a statement of its own after the runs' locks. Index: primary keys.
select s.run_id, s.checkpoint_id is not null as has_checkpoint,
       r.queue_timestamp - coalesce(r.priority_ms, 0) * interval '1 millisecond' as position, e.waitpoint_id, w.type::text,
       coalesce(w.status = 'COMPLETED', false) as is_completed, nullif(e.batch_index, -1) as batch_index
from unnest(:run_ids) as g(run_id)
cross join lateral (
    select s.run_id, s.checkpoint_id
    from engine.run_state as s
    where s.shard = :shard and s.run_id = g.run_id
    offset 0
) as s
cross join lateral (
    select r.queue_timestamp, r.priority_ms
    from engine.run as r
    where r.shard = :shard and r.id = g.run_id
    offset 0
) as r
left join lateral (
    select e.waitpoint_id, e.batch_index
    from engine.edge as e
    where e.shard = :shard and e.run_id = g.run_id
    offset 0
) as e on true
left join lateral (
    select w.type, w.status
    from engine.waitpoint as w
    where w.shard = :shard and w.id = e.waitpoint_id
    offset 0
) as w on true
order by s.run_id
