-- A queue gets a limit on its length: the runs that are queued count from now on.
-- $1 smallint shard, $2 text environment id, $3 text queue or null for every queue of the environment
-- Locks: items in the order of their run ids; the environment's mutex is held, so that nobody claims them. Index: none;
-- seldom done.
update engine.queue_item as i
set is_sized = true
from (
    select o.run_id
    from engine.queue_item as o
    where o.shard = $1 and o.environment_id = $2 and ($3::text is null or o.queue = $3) and not o.is_sized
    order by o.run_id
    for update
) as queued
where i.shard = $1 and i.run_id = queued.run_id
