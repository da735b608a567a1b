-- An environment gets its first limit: the slots that are held count from now on.
-- $1 smallint shard, $2 text environment id
-- Locks: the environment's mutex is held; the deadlines' rows in the order of their run ids, waiting for finishes and beats.
-- Index: none; seldom done.
update engine.heartbeat as h
set is_counted = true
from (
    select o.run_id
    from engine.heartbeat as o
    where o.shard = $1 and o.environment_id = $2 and o.holds_slot and not o.is_counted
    order by o.run_id
    for no key update
) as held
where h.shard = $1 and h.run_id = held.run_id
