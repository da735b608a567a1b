-- Deletes timers that are done.
-- :shard smallint
-- :kinds text[]
-- :ids text[]: ids, element by element
-- Locks: held by timer_due_lock. Index: timer_pkey.
delete from engine.timer as t
using unnest(:kinds, :ids) as g(kind, id)
where t.shard = :shard and t.kind = g.kind and t.id = g.id
