-- What claimed runs carry for their workers: checkpoints, and completed waitpoints in order.
-- :shard smallint
-- :run_ids text[]
-- -> run_id text, checkpoint jsonb null, completed_waitpoints jsonb null
-- Locks: none. Index: primary keys.
select s.run_id,
       (select k.entry from engine.checkpoint_entry as k where k.shard = s.shard and k.id = s.checkpoint_id) as checkpoint,
       (select jsonb_agg(w.entry order by w.index)
        from engine.carried_waitpoint as w
        where w.shard = s.shard and w.run_id = s.run_id and w.is_state) as completed_waitpoints
from unnest(:run_ids) as c(run_id)
join engine.run_state as s on s.shard = :shard and s.run_id = c.run_id
