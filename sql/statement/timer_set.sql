-- Sets timers. Of two for one subject the earlier one stays: what is due stays due, whichever session sets a later limit.
-- :shard smallint
-- :kind text
-- One array element per timer:
-- :id text[]
-- :due_at timestamptz[]
-- :detail jsonb[]
-- Locks: the timers' rows, in the order of their ids; a tick that holds one never waits. Index: timer_pkey, timer_due.
insert into engine.timer as t (shard, kind, id, due_at, detail)
select :shard, :kind, g.id, g.due_at, g.detail
from unnest(:id, :due_at, :detail) as g(id, due_at, detail)
order by g.id collate "C"
on conflict (shard, kind, id) do update
set due_at = excluded.due_at,
    detail = excluded.detail
where t.due_at > excluded.due_at
