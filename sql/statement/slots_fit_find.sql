-- Whether any slot does not fit the limits.
-- :shard smallint
-- :environment_id text
-- :counts_others boolean: whether slots of queues without a limit count
-- :limited_queues text[]: queues with a limit
-- :notes_others boolean: whether slots of queues without a limit are noted
-- -> exists boolean
-- Locks: none. Index: none; rarely done.
select exists (
    select
    from engine.heartbeat as o
    where o.shard = :shard and o.environment_id = :environment_id and o.holds_slot
      and (o.is_counted <> (:counts_others or o.queue = any (:limited_queues)) or o.is_noted <> (:notes_others or o.queue = any (:limited_queues))))
