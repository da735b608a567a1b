-- The children of a run: they are cancelled with it, each by a job of its own.
-- $1 smallint shard, $2 text run id
select r.id
from engine.run as r
join engine.run_state as s on s.shard = $1 and s.run_id = r.id
where r.shard = $1 and r.parent_run_id = $2 and s.execution_status <> 'FINISHED'
