-- Triggers a run of a schedule now.
-- $1 text schedule
select jsonb_build_object('run_id', 'run_' || t.run_id, 'is_cached', t.is_cached) as row
from engine_run_schedule(id => $1::text) as t
