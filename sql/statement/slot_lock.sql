-- Locks the slots that runs are about to give back; returns those that count against a limit, and whether each leaves a note for
-- the next claimer (slot_release). Limits that are set meanwhile wait here, and then find the slot given back.
-- $1 smallint shard, $2 text[] run ids
-- Locks: the deadlines' rows, in the order of their run ids; the runs are locked. Index: heartbeat_pkey.
select h.run_id, h.is_noted
from (
    select o.run_id, o.is_counted, o.is_noted
    from engine.heartbeat as o
    where o.shard = $1 and o.run_id = any ($2)
    order by o.run_id
    for no key update
) as h
where h.is_counted
