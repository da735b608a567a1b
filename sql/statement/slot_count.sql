-- The number of held slots of an environment.
-- :shard smallint
-- :environment_id text
-- :cap bigint: number to count up to
-- :is_unfitted boolean: whether rows are not adapted to the limits yet: then slots without the mark count too
-- -> count bigint
-- Locks: none; the environment's mutex is held. Index: heartbeat_counted.
select count(*)
from (
    select
    from engine.heartbeat as h
    where h.shard = :shard and h.environment_id = :environment_id and h.is_counted
    union all
    select
    from engine.heartbeat as h
    where :is_unfitted and h.shard = :shard and h.environment_id = :environment_id and h.holds_slot and not h.is_counted
    limit :cap) as held
