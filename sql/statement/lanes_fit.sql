-- Limits were set anew: lanes that have one are to be looked at again, the others are no more. Comes after slots_fit, which
-- has waited for all who give a counted slot back, and so sees what they released.
-- $1 smallint shard, $2 text environment id, $3 boolean whether lanes have a limit whose queue has none, $4 text[] queues that
-- have one
-- Locks: items in the order of their run ids; the environment's mutex is held alone. Index: lane_pkey, release_environment,
-- queue_item_lane.
with reopened as (
    update engine.lane as l
    set is_open = true
    where l.shard = $1 and l.environment_id = $2 and ($3 or l.queue = any ($4)) and not l.is_open
), lane as (
    delete from engine.lane as l
    where l.shard = $1 and l.environment_id = $2 and not ($3 or l.queue = any ($4))
), release as (
    delete from engine.release as r
    where r.shard = $1 and r.environment_id = $2 and not ($3 or r.queue = any ($4))
)
update engine.queue_item as i
set is_filed = false,
    is_ahead = true
from (
    select o.run_id
    from engine.queue_item as o
    where o.shard = $1 and o.environment_id = $2 and o.is_filed and not ($3 or o.queue = any ($4))
    order by o.run_id
    for update
) as filed
where i.shard = $1 and i.run_id = filed.run_id
