-- The latest snapshot of a run as its worker reads it, with the completed waitpoints.
-- $1 smallint shard, $2 text run id, $3 text environment id or null for any
-- Locks: none. Index: run_state_pkey, run_pkey, snapshot_pkey, waitpoint_pkey.
select d.data || jsonb_build_object('completedWaitpoints', coalesce(
           (select jsonb_agg(w.entry order by w.index)
            from engine.completed_waitpoint as w
            where w.shard = $1 and w.run_id = $2 and w.ordinal = s.snapshot_ordinal), '[]'))
from engine.run_state as s
join engine.run as r on r.shard = $1 and r.id = $2
join engine.execution_data as d on d.shard = $1 and d.run_id = $2 and d.ordinal = s.snapshot_ordinal
where s.shard = $1 and s.run_id = $2 and ($3::text is null or r.environment_id = $3)
