-- Makes the tick check whether runs continue.
-- :shard smallint
-- :now timestamptz
-- One array element per note:
-- :run_id text[]
-- :waitpoint_id text[]: the completed waitpoint. Sessions that complete waitpoints of one run write a note each, and do not
--   wait for each other.
-- Locks: the new rows. Index: timer_pkey, timer_due.
insert into engine.timer (shard, kind, id, due_at)
select distinct :shard::smallint, 'CONTINUE_RUN', g.run_id || '/' || g.waitpoint_id, :now::timestamptz
from unnest(:run_id, :waitpoint_id) as g(run_id, waitpoint_id)
on conflict (shard, kind, id) do nothing
