-- Where a suspended run lies. From sql/statement/checkpoint_insert.sql.
-- $1 smallint shard, $2 text run id, $3 timestamptz now, $4 text checkpoint id, $5 text location
insert into engine.checkpoint (shard, id, type, location, created_at, run_id, environment_id, project_id)
select $1, $4, 'DOCKER', $5, $3, r.id, r.environment_id, r.project_id
from engine.run as r
where r.shard = $1 and r.id = $2
