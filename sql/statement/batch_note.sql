-- Makes the tick check whether batches have ended.
-- $1 smallint shard, $2 timestamptz now
-- then one array element per note: $3 batch id, $4 what happened, such as the run that ended. Sessions that end runs of one
-- batch write a note each, and do not wait for each other.
-- Locks: the new rows. Index: timer_pkey, timer_due.
insert into engine.timer (shard, kind, id, due_at)
select $1, 'COMPLETE_BATCH', g.batch_id || '/' || g.what, $2
from unnest($3, $4) as g(batch_id, what)
on conflict (shard, kind, id) do nothing
