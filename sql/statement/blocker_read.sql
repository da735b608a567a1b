-- What decides whether locked runs go on: their edges with the waitpoints, whether there is a checkpoint, their places in
-- their queues. One row per edge; a run without edges has one row.
-- $1 smallint shard, $2 text[] run ids
-- Locks: none; read in a statement of its own after the runs' locks. Index: primary keys.
select s.run_id, p.checkpoint_id is not null, r.queue_timestamp - r.priority_ms * interval '1 millisecond', e.waitpoint_id,
       w.type::text, coalesce(w.status = 'COMPLETED', false), nullif(e.batch_index, -1)
from unnest($2) as g(run_id)
join engine.run_state as s on s.shard = $1 and s.run_id = g.run_id
join engine.run as r on r.shard = $1 and r.id = g.run_id
join engine.snapshot as p on p.shard = $1 and p.run_id = g.run_id and p.ordinal = s.snapshot_ordinal
left join engine.edge as e on e.shard = $1 and e.run_id = g.run_id
left join engine.waitpoint as w on w.shard = $1 and w.id = e.waitpoint_id
order by s.run_id
