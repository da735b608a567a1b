-- Ends runs.
-- $1 text[] run ids, $2 text[] latest snapshot ids, $3 text[] snapshot ids
with given as (
    select g.*
    from unnest($1::text[], $2::text[], $3::text[]) as g(run_id, previous_id, snapshot_id)
), heartbeat as (
    delete from floor.heartbeat as h
    where h.shard = 0 and h.run_id = any ($1)
    returning h.run_id, h.is_counted
), snapshot as (
    insert into floor.snapshot (
        shard, run_id, ordinal, id, previous_snapshot_id, transition, execution_status, run_status, attempt_number, position,
        horizon, created_at, description)
    select 0, g.run_id, 4, g.snapshot_id, g.previous_id, 'COMPLETED', 'FINISHED', 'COMPLETED', 1, nextval('floor.position'), 1, now(), 'Completed'
    from given as g
), state as (
    update floor.run_state as s
    set run_status = 'COMPLETED',
        execution_status = 'FINISHED',
        snapshot_id = g.snapshot_id,
        snapshot_ordinal = 4,
        completed_at = now(),
        output = 'null',
        output_type = 'application/json',
        updated_at = now()
    from given as g
    where s.shard = 0 and s.run_id = g.run_id
)
select h.run_id
from heartbeat as h
where h.is_counted
