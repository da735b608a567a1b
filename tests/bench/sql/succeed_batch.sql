-- Completes many runs in one commit.
-- $1 text[] run ids, $2 text[] snapshot ids, element by element
select c.run_id
from engine_complete_many((
    select jsonb_agg(jsonb_build_object('run_id', d.run_id, 'snapshot_id', d.snapshot_id, 'ok', true, 'output', 'null'))
    from unnest($1::text[], $2::text[]) as d(run_id, snapshot_id)
)) as c
