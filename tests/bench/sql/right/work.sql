-- $1 jsonb completions, $2 text environment, and worker queue
select kind, run_id, snapshot_id
from engine_work(completions => $1, worker_queue => $2, environment_id => $2)
