-- The number of queued runs of a queue, counted up to a maximum.
-- :shard smallint
-- :environment_id text
-- :queue text
-- :cap bigint: number to count up to
-- :is_unfitted boolean: whether rows are not adapted to the limits yet: then items without the mark count too
-- -> count bigint
-- Locks: none. Index: queue_item_sized.
select count(*)
from (
    select
    from engine.queue_item as i
    where i.shard = :shard and i.environment_id = :environment_id and i.queue = :queue and i.is_sized
    union all
    select
    from engine.queue_item as i
    where :is_unfitted and i.shard = :shard and i.environment_id = :environment_id and i.queue = :queue and not i.is_sized
    limit :cap) as queued
