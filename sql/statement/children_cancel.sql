-- Makes the tick cancel the children of runs that ended cancelled, for the same reasons.
-- $1 smallint shard, $2 timestamptz now
-- then one array element per run: $3 run id, $4 the detail of its children's timers: reason and time
-- Locks: the timers' rows. Index: run_parent, run_state_pkey, timer_pkey, timer_due.
insert into engine.timer (shard, kind, id, due_at, detail)
select $1, 'CANCEL_RUN', r.id, $2, p.detail
from unnest($3, $4) as p(run_id, detail)
join engine.run as r on r.shard = $1 and r.parent_run_id = p.run_id
join engine.run_state as s on s.shard = $1 and s.run_id = r.id
where s.execution_status <> 'FINISHED'
order by r.id
on conflict (shard, kind, id) do nothing
