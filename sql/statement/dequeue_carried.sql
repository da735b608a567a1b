-- What the snapshots of claimed runs carry for their workers: checkpoints, and completed waitpoints in order.
-- :shard smallint
-- :run_ids text[]
-- :ordinals integer[]: ordinals of their snapshots, element by element
-- Locks: none. Index: primary keys.
select s.run_id,
       (select k.entry from engine.checkpoint_entry as k where k.shard = s.shard and k.id = s.checkpoint_id),
       (select jsonb_agg(w.entry order by w.index)
        from engine.completed_waitpoint as w
        where w.shard = s.shard and w.run_id = s.run_id and w.ordinal = s.ordinal)
from unnest(:run_ids, :ordinals) as c(run_id, ordinal)
join engine.snapshot as s on s.shard = :shard and s.run_id = c.run_id and s.ordinal = c.ordinal
