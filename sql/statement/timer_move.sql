-- Sets timers, or moves existing ones, to an earlier or later time.
-- $1 text kind
-- then one array element per timer: $2 shard, $3 what it is about, $4 when it is due, $5 detail
-- Locks: the timers' rows; their subjects are locked before. Index: timer_pkey, timer_due.
insert into engine.timer as t (shard, kind, id, due_at, detail)
select g.shard, $1, g.id, g.due_at, g.detail
from unnest($2, $3, $4, $5) as g(shard, id, due_at, detail)
order by g.shard, g.id
on conflict (shard, kind, id) do update
set due_at = excluded.due_at,
    detail = excluded.detail
