-- Makes the tick cancel the children of runs that ended cancelled, for the same reasons.
-- :shard smallint
-- :now timestamptz
-- One array element per run:
-- :run_id text[]
-- :detail jsonb[]: the detail of its children's timers: reason and time
-- Locks: the timers' rows. Index: run_parent, run_state_pkey, timer_pkey, timer_due.
insert into engine.timer (shard, kind, id, due_at, detail)
select :shard, 'CANCEL_RUN', r.id, :now, p.detail
from unnest(:run_id, :detail) as p(run_id, detail)
join engine.run as r on r.shard = :shard and r.parent_run_id = p.run_id
join engine.run_state as s on s.shard = :shard and s.run_id = r.id
where s.execution_status <> 'FINISHED'
order by r.id
on conflict (shard, kind, id) do nothing
