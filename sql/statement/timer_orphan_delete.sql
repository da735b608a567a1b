-- Deletes timers whose subject does not exist. Subjects are never deleted; but such a timer would be due forever.
-- :shard smallint
-- :kinds text[]
-- :ids text[]: ids, element by element
-- Locks: held by timer_due_lock. Index: primary keys.
delete from engine.timer as t
using unnest(:kinds, :ids) as g(kind, id)
where t.shard = :shard and t.kind = g.kind and t.id = g.id
  and not exists (
    select from engine.run_state as s
    where s.shard = :shard and s.run_id = split_part(t.id, '/', 1) and t.kind in ('CANCEL_RUN', 'CONTINUE_RUN', 'END_DELAY', 'END_KEEP'))
  and not exists (
    select from engine.waitpoint as w
    where w.shard = :shard and w.id = t.id and t.kind = 'FINISH_WAITPOINT')
  and not exists (
    select from engine.batch as b
    where b.shard = :shard and b.id = split_part(t.id, '/', 1) and t.kind in ('COMPLETE_BATCH', 'EXPIRE_BATCH'))
  and t.kind <> 'FIT_LIMITS'
