-- Makes the tick check whether runs continue.
-- $1 smallint shard, $2 timestamptz now
-- then one array element per note: $3 run id, $4 the completed waitpoint. Sessions that complete waitpoints of one run write
-- a note each, and do not wait for each other.
-- Locks: the new rows. Index: timer_pkey, timer_due.
insert into engine.timer (shard, kind, id, due_at)
select distinct $1::smallint, 'CONTINUE_RUN', g.run_id || '/' || g.waitpoint_id, $2::timestamptz
from unnest($3, $4) as g(run_id, waitpoint_id)
on conflict (shard, kind, id) do nothing
