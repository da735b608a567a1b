-- Writes a checkpoint of a locked run.
-- :shard smallint
-- :now timestamptz
-- :id text
-- :kind text
-- :location text
-- :image text
-- :reason text
-- :run_id text
-- Locks: the new row. Index: checkpoint_pkey, run_pkey.
insert into engine.checkpoint (
    shard, id, type, location, image_ref, reason, created_at, run_id, environment_id, project_id)
select :shard, :id, :kind::engine.checkpoint_type, :location, :image, :reason, :now, r.id, r.environment_id, r.project_id
from engine.run as r
where r.shard = :shard and r.id = :run_id
