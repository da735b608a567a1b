-- Deletes timers that are done.
-- $1 smallint shard, $2 text[] kinds, $3 text[] ids, element by element
-- Locks: held by timer_due_lock. Index: timer_pkey.
delete from engine.timer as t
using unnest($2, $3) as g(kind, id)
where t.shard = $1 and t.kind = g.kind and t.id = g.id
