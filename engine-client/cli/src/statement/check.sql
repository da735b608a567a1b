-- Violated invariants.
-- Reads all runs.
select jsonb_build_object('kind', c.kind, 'run_id', 'run_' || c.run_id, 'detail', c.detail) as row
from engine_check() as c
order by c.kind, c.run_id
