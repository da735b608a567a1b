-- Adds locked runs that now wait for a version to the list of parked runs, while they have their queue items.
-- :shard smallint
-- :run_ids text[]
-- Locks: the new rows; the runs are locked. Index: run_pkey, queue_item_pkey, parked_pkey, parked_environment, parked_expiry.
insert into engine.parked (shard, run_id, environment_id, created_at, expires_at)
select :shard, r.id, r.environment_id, r.created_at,
       (select q.expires_at from engine.queue_item as q where q.shard = :shard and q.run_id = g.run_id)
from unnest(:run_ids) as g(run_id)
join engine.run as r on r.shard = :shard and r.id = g.run_id
