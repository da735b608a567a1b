-- Triggers a run that does the work of another one again.
-- $1 text id of the other one
select jsonb_build_object(
           'run_id', 'run_' || t.run_id,
           'replayed_from', $1::text,
           'run_status', t.run_status,
           'execution_status', t.execution_status) as row
from engine_replay(run_id => $1) as t
