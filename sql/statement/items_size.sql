-- Counts queued runs towards the maximum size of their queues, which was set after they were queued.
-- :shard smallint
-- :environment_id text
-- :sized_queues text[]: queues with a maximum size
-- :sizes_others boolean: whether all other queues have one
-- :max_items integer: most rows
-- Locks: items, SKIP LOCKED: a locked one comes later. Index: none; rarely done.
update engine.queue_item as i
set is_sized = true
from (
    select o.run_id
    from engine.queue_item as o
    where o.shard = :shard and o.environment_id = :environment_id and (:sizes_others or o.queue = any (:sized_queues)) and not o.is_sized
    limit :max_items
    for update skip locked
) as queued
where i.shard = :shard and i.run_id = queued.run_id
