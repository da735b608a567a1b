-- Starts an attempt of many runs in one commit, by calling the function for one run many times.
-- $1 text[] run ids, $2 text[] snapshot ids, element by element
select d.run_id, s.snapshot_id
from unnest($1::text[], $2::text[]) as d(run_id, snapshot_id)
cross join lateral engine_start_attempt(d.run_id, d.snapshot_id) as s
