-- A worker's turn: reports ends, and gets runs that execute.
-- $1 jsonb completions, $2 integer most runs
select w.kind, w.run_id, w.snapshot_id, w.error_code
from engine_work(completions => $1, max_runs => $2) as w
