-- The number of held slots of an environment.
-- $1 smallint shard, $2 text environment id, $3 bigint from how many on it does not matter
-- $4 boolean whether what is there has not been fitted to the limits: then slots count that do not say so
-- Locks: none; the environment's mutex is held. Index: heartbeat_counted.
select count(*)
from (
    select
    from engine.heartbeat as h
    where h.shard = $1 and h.environment_id = $2 and h.is_counted
    union all
    select
    from engine.heartbeat as h
    where $4 and h.shard = $1 and h.environment_id = $2 and h.holds_slot and not h.is_counted
    limit $3) as held
