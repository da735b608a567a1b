-- The number of queued runs of a queue, counted up to a maximum.
-- $1 smallint shard, $2 text environment id, $3 text queue, $4 bigint from how many on it does not matter
-- $5 boolean whether what is there has not been fitted to the limits: then items count that do not say so
-- Locks: none. Index: queue_item_sized.
select count(*)
from (
    select
    from engine.queue_item as i
    where i.shard = $1 and i.environment_id = $2 and i.queue = $3 and i.is_sized
    union all
    select
    from engine.queue_item as i
    where $5 and i.shard = $1 and i.environment_id = $2 and i.queue = $3 and not i.is_sized
    limit $4) as queued
