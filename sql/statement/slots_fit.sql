-- Adapts slots to changed limits: a slot counts if there is a limit, is noted if its lane has one, and neither otherwise.
-- :shard smallint
-- :environment_id text
-- :counts_others boolean: whether slots of queues without a limit count
-- :limited_queues text[]: queues with a limit
-- :notes_others boolean: whether slots of queues without a limit are noted
-- :max_items integer: most rows
-- Locks: deadlines, SKIP LOCKED: finishes and beats are not waited for. Index: none; rarely done.
update engine.heartbeat as h
set is_counted = held.is_counted,
    is_noted = held.is_noted
from (
    select o.run_id, :counts_others or o.queue = any (:limited_queues) as is_counted, :notes_others or o.queue = any (:limited_queues) as is_noted
    from engine.heartbeat as o
    where o.shard = :shard and o.environment_id = :environment_id and o.holds_slot
      and (o.is_counted <> (:counts_others or o.queue = any (:limited_queues)) or o.is_noted <> (:notes_others or o.queue = any (:limited_queues)))
    limit :max_items
    for no key update skip locked
) as held
where h.shard = :shard and h.run_id = held.run_id
