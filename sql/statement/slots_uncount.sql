-- An environment has lost its last limit: its slots do not count any more.
-- $1 smallint shard, $2 text environment id
-- Locks: the environment's mutex is held; the deadlines' rows in the order of their run ids, waiting for finishes and beats.
-- Index: heartbeat_counted, heartbeat_pkey.
update engine.heartbeat as h
set is_counted = false
from (
    select o.run_id
    from engine.heartbeat as o
    where o.shard = $1 and o.environment_id = $2 and o.is_counted
    order by o.run_id
    for no key update
) as held
where h.shard = $1 and h.run_id = held.run_id
