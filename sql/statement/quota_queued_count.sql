-- How many runs of an environment wait, counted up to a maximum: queued ones, parked ones, delayed ones.
-- :shard smallint
-- :environment_id text
-- :cap bigint: number to count up to
-- -> count bigint
-- Locks: none. Index: queue_item_pkey, parked_environment, timer_pkey, run_pkey; counted only once as many may wait.
select count(*)
from (
    select
    from engine.queue_item as i
    where i.shard = :shard and i.environment_id = :environment_id
    union all
    select
    from engine.parked as p
    where p.shard = :shard and p.environment_id = :environment_id
    union all
    select
    from engine.timer as t
    join engine.run as r on r.shard = :shard and r.id = t.id
    where t.shard = :shard and t.kind = 'END_DELAY' and r.environment_id = :environment_id
    limit :cap) as waiting
