-- Makes the tick check whether batches have ended.
-- :shard smallint
-- :now timestamptz
-- One array element per note:
-- :batch_id text[]
-- :what text[]: what happened, such as the run that ended. Sessions that end runs of one batch write a note each, and do not
--   wait for each other.
-- Locks: the new rows. Index: timer_pkey, timer_due.
insert into engine.timer (shard, kind, id, due_at)
select :shard, 'COMPLETE_BATCH', g.batch_id || '/' || g.what, :now
from unnest(:batch_id, :what) as g(batch_id, what)
on conflict (shard, kind, id) do nothing
