-- The latest snapshots of these runs, in the order given; a run that does not exist gives nulls.
-- $1 smallint shard, $2 text[] run ids
-- Locks: none. Index: run_state_pkey, snapshot_pkey, heartbeat_pkey.
select g.run_id, p.id, p.execution_status::text, p.run_status::text, p.attempt_number, p.description, p.created_at, h.interval_ms
from unnest($2) with ordinality as g(run_id, position)
left join lateral (
    select s.snapshot_ordinal
    from engine.run_state as s
    where s.shard = $1 and s.run_id = g.run_id
    offset 0
) as s on true
left join lateral (
    select p.id, p.execution_status, p.run_status, p.attempt_number, p.description, p.created_at
    from engine.snapshot as p
    where p.shard = $1 and p.run_id = g.run_id and p.ordinal = s.snapshot_ordinal
    offset 0
) as p on true
left join lateral (
    select h.interval_ms
    from engine.heartbeat as h
    where h.shard = $1 and h.run_id = g.run_id
    offset 0
) as h on true
order by g.position
