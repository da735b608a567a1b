-- Deletes timers whose subject does not exist. Subjects are never deleted; but such a timer would be due forever.
-- $1 smallint shard, $2 text[] kinds, $3 text[] ids, element by element
-- Locks: held by timer_due_lock. Index: primary keys.
delete from engine.timer as t
using unnest($2, $3) as g(kind, id)
where t.shard = $1 and t.kind = g.kind and t.id = g.id
  and not exists (
    select from engine.run_state as s
    where s.shard = $1 and s.run_id = split_part(t.id, '/', 1) and t.kind in ('CANCEL_RUN', 'CONTINUE_RUN', 'END_DELAY'))
  and not exists (
    select from engine.waitpoint as w
    where w.shard = $1 and w.id = t.id and t.kind = 'FINISH_WAITPOINT')
  and not exists (
    select from engine.batch as b
    where b.shard = $1 and b.id = split_part(t.id, '/', 1) and t.kind in ('COMPLETE_BATCH', 'EXPIRE_BATCH'))
  and t.kind <> 'FIT_LIMITS'
