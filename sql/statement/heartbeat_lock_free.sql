-- Locks those of these deadlines that nobody else has locked: of locked runs that are about to go on because something else has
-- ended. Whoever ends that has deadlines locked already, and may not wait for others: who sets a limit waits for all, in order.
-- $1 smallint shard, $2 text[] run ids
-- Locks: deadlines, SKIP LOCKED. Index: heartbeat_pkey.
select h.run_id
from unnest($2) as g(run_id)
cross join lateral (
    select h.run_id
    from engine.heartbeat as h
    where h.shard = $1 and h.run_id = g.run_id
    for update skip locked
) as h
