-- Sets timers, or moves existing ones, to an earlier or later time.
-- :kind text
-- One array element per timer:
-- :shard smallint[]
-- :id text[]: subject
-- :due_at timestamptz[]: when it is due
-- :detail jsonb[]
-- Locks: the timers' rows; their subjects are locked before. Index: timer_pkey, timer_due.
insert into engine.timer as t (shard, kind, id, due_at, detail)
select g.shard, :kind, g.id, g.due_at, g.detail
from unnest(:shard, :id, :due_at, :detail) as g(shard, id, due_at, detail)
order by g.shard, g.id
on conflict (shard, kind, id) do update
set due_at = excluded.due_at,
    detail = excluded.detail
