-- Writes a checkpoint of a locked run.
-- $1 smallint shard, $2 timestamptz now, $3 text id, $4 text type, $5 text location, $6 text image, $7 text reason,
-- $8 text run id
-- Locks: the new row. Index: checkpoint_pkey, run_pkey.
insert into engine.checkpoint (
    shard, id, type, location, image_ref, reason, created_at, run_id, environment_id, project_id)
select $1, $3, $4::engine.checkpoint_type, $5, $6, $7, $2, r.id, r.environment_id, r.project_id
from engine.run as r
where r.shard = $1 and r.id = $8
