-- Limits were set anew: slots count where there is one, and nowhere else.
-- $1 smallint shard, $2 text environment id, $3 boolean whether the environment has a limit, $4 text[] queues that have one
-- Locks: the environment's mutex is held alone; the deadlines' rows in the order of their run ids, waiting for finishes and
-- beats. Index: none; seldom done.
update engine.heartbeat as h
set is_counted = not h.is_counted
from (
    select o.run_id
    from engine.heartbeat as o
    where o.shard = $1 and o.environment_id = $2 and o.holds_slot and o.is_counted <> ($3 or o.queue = any ($4))
    order by o.run_id
    for no key update
) as held
where h.shard = $1 and h.run_id = held.run_id
