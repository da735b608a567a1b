-- How many runs of a queue are queued, counted up to a number.
-- $1 smallint shard, $2 text environment id, $3 text queue, $4 bigint from how many on it does not matter
-- Locks: none. Index: queue_item_sized.
select count(*)
from (
    select
    from engine.queue_item as i
    where i.shard = $1 and i.environment_id = $2 and i.queue = $3 and i.is_sized
    limit $4) as queued
