-- An environment has lost its last limit: no item stays filed. Comes after slots_uncount, which has waited for all who give a
-- counted slot back, and so sees what they released.
-- $1 smallint shard, $2 text environment id
-- Locks: items in the order of their run ids; the environment's mutex is held. Index: queue_item_lane, lane_pkey,
-- release_environment.
with lane as (
    delete from engine.lane as l
    where l.shard = $1 and l.environment_id = $2
), release as (
    delete from engine.release as r
    where r.shard = $1 and r.environment_id = $2
)
update engine.queue_item as i
set is_filed = false,
    is_ahead = true
from (
    select o.run_id
    from engine.queue_item as o
    where o.shard = $1 and o.environment_id = $2 and o.is_filed
    order by o.run_id
    for update
) as filed
where i.shard = $1 and i.run_id = filed.run_id
