-- Cancels a run.
-- $1 text run id, $2 text reason or null, $3 boolean end it at once, whoever holds it, $4 text what all runs of this action have
-- in common
select jsonb_build_object(
           'run_id', 'run_' || c.run_id,
           'run_status', c.run_status,
           'execution_status', c.execution_status,
           'already_finished', c.already_finished) as row
from engine_cancel(run_id => $1::text, reason => $2::text, finalize => $3::boolean, bulk_action_id => $4::text) as c
