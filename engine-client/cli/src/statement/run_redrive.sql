-- Redrives runs, one after the other in the given order: that of their ids, which is that of locks.
-- $1 text[] run ids
select jsonb_build_object('run_id', 'run_' || c.run_id, 'run_status', c.run_status) as row
from unnest($1::text[]) as g(run_id)
cross join lateral engine_redrive(run_id => g.run_id) as c
