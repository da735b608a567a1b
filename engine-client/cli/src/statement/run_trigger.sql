-- Triggers a run.
-- $1 jsonb its options, as engine_trigger_many takes them
select jsonb_build_object('run_id', 'run_' || t.run_id, 'run_status', t.run_status, 'is_cached', t.is_cached) as row
from engine_trigger_many(jsonb_build_array($1::jsonb)) as t
