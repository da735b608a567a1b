-- How many slots of an environment are held.
-- $1 smallint shard, $2 text environment id, $3 bigint from how many on it does not matter
-- Locks: none; the environment's mutex is held. Index: heartbeat_counted.
select count(*)
from (
    select
    from engine.heartbeat as h
    where h.shard = $1 and h.environment_id = $2 and h.is_counted
    limit $3) as held
