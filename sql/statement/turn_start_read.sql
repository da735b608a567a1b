-- The starts of runs in a turn, and what the runs execute with: that is in their state, and is not resolved again. Their
-- dequeues wrote the snapshots before.
-- :shard smallint
-- :run_id text[]
-- :snapshot_id text[]: the snapshots of their starts
-- -> run_id text, dequeue_id text, machine text null, version text null, image text null,
-- -> max_duration_seconds integer null, checkpoint jsonb null, completed_waitpoints jsonb null,
-- -> attempt_number integer null, start_id text
-- Locks: none. Index: primary keys.
select g.run_id, p.id as dequeue_id, p.machine, s.version,
       (select w.image
        from engine.environment as e
        join engine.worker as w on w.environment_id = e.id and w.version = s.version
        where e.id = r.environment_id and e.requires_version) as image,
       s.max_duration_seconds,
       (select k.entry from engine.checkpoint_entry as k where k.shard = p.shard and k.id = p.checkpoint_id) as checkpoint,
       (select jsonb_agg(c.entry order by c.index)
        from engine.completed_waitpoint as c
        where c.shard = p.shard and c.run_id = p.run_id and c.ordinal = p.ordinal) as completed_waitpoints,
       b.attempt_number, b.id as start_id
from unnest(:run_id, :snapshot_id) with ordinality as g(run_id, snapshot_id, place)
join engine.run as r on r.shard = :shard and r.id = g.run_id
join engine.run_state as s on s.shard = :shard and s.run_id = g.run_id
join engine.unfiltered_history as b on b.shard = :shard and b.run_id = g.run_id and b.id = g.snapshot_id
join engine.unfiltered_history as p on p.shard = :shard and p.run_id = g.run_id and p.ordinal = b.ordinal - 1
order by g.place
