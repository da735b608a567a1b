-- Has the tick see whether runs go on.
-- $1 smallint shard, $2 timestamptz now
-- then one array element per note: $3 run id, $4 the waitpoint whose completion it is about. Two who complete waitpoints of one
-- run write two notes, and do not wait for each other.
-- Locks: the new rows. Index: timer_pkey, timer_due.
insert into engine.timer (shard, kind, id, due_at)
select distinct $1::smallint, 'CONTINUE_RUN', g.run_id || '/' || g.waitpoint_id, $2::timestamptz
from unnest($3, $4) as g(run_id, waitpoint_id)
on conflict (shard, kind, id) do nothing
