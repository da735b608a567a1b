-- The latest snapshot of a run as its worker reads it, with the completed waitpoints.
-- :shard smallint
-- :run_id text
-- :environment_id text: environment id or null for any
-- -> data jsonb
-- Locks: none. Index: run_state_pkey, run_pkey, snapshot_run, waitpoint_pkey.
select d.data || jsonb_build_object('completedWaitpoints', coalesce(
           (select jsonb_agg(w.entry order by w.index)
            from engine.completed_waitpoint as w
            where w.shard = :shard and w.run_id = :run_id and w.ordinal = s.snapshot_ordinal), '[]')) as data
from engine.run_state as s
join engine.run as r on r.shard = :shard and r.id = :run_id
join engine.execution_data as d on d.shard = :shard and d.run_id = :run_id and d.ordinal = s.snapshot_ordinal
                               and d.ordinal / 16 = s.snapshot_ordinal / 16
where s.shard = :shard and s.run_id = :run_id and (:environment_id::text is null or r.environment_id = :environment_id)
