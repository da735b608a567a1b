-- Counts queued runs towards the maximum size of their queues, which was set after they were queued.
-- $1 smallint shard, $2 text environment id, $3 text[] queues that have such a limit, $4 boolean whether all others have one,
-- $5 integer how many at most
-- Locks: items, SKIP LOCKED: a locked one comes later. Index: none; rarely done.
update engine.queue_item as i
set is_sized = true
from (
    select o.run_id
    from engine.queue_item as o
    where o.shard = $1 and o.environment_id = $2 and ($4 or o.queue = any ($3)) and not o.is_sized
    limit $5
    for update skip locked
) as queued
where i.shard = $1 and i.run_id = queued.run_id
