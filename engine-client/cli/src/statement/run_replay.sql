-- Triggers runs that do the work of others again, in their order. $1 text[] ids of the others, $2 boolean whether
-- they begin with the results of the others' steps
select jsonb_build_object(
           'run_id', 'run_' || t.run_id,
           'replayed_from', g.run_id,
           'run_status', t.run_status,
           'execution_status', t.execution_status) as row
from unnest($1::text[]) as g(run_id)
cross join lateral engine_replay(run_id => g.run_id, keep_steps => $2) as t
