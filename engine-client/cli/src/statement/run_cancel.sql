-- Cancels runs, one after the other in the given order: that of their ids, which is that of locks.
-- $1 text[] run ids, $2 text reason or null, $3 boolean end them at once, even if a worker holds them, $4 text
-- bulk action id of all runs of this action
select jsonb_build_object(
           'run_id', 'run_' || c.run_id,
           'run_status', c.run_status,
           'execution_status', c.execution_status,
           'already_finished', c.already_finished) as row
from unnest($1::text[]) as g(run_id)
cross join lateral engine_cancel(
    run_id => g.run_id, reason => $2::text, finalize => $3::boolean, bulk_action_id => $4::text) as c
