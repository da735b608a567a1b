-- Sets the timers of runs that have ended and say how long they are kept.
-- :shard smallint
-- :now timestamptz
-- :run_ids text[]
-- Locks: run states are held; the timers' rows: a tick that holds a timer waits for no run. Index: run_state_pkey, timer_pkey.
insert into engine.timer (shard, kind, id, due_at)
select :shard, 'END_KEEP', s.run_id, :now + s.keep_ms * interval '1 millisecond'
from unnest(:run_ids) as g(run_id)
cross join lateral (
    select s.run_id, s.keep_ms
    from engine.run_state as s
    where s.shard = :shard and s.run_id = g.run_id and s.keep_ms is not null
    offset 0
) as s
on conflict (shard, kind, id) do update set due_at = excluded.due_at
