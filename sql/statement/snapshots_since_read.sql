-- The valid snapshots of a run after a given one, oldest first, at most the newest fifty. Only the newest has its completed
-- waitpoints: the others would repeat them.
-- :shard smallint
-- :run_id text
-- :snapshot_id text
-- :environment_id text: environment id or null for any Returns null if the given snapshot does not belong to this run. It
--   may itself be invalid.
-- -> snapshots jsonb
-- Locks: none. Index: snapshot_run, run_pkey, waitpoint_pkey.
select coalesce(
    (select jsonb_agg(
                n.data || jsonb_build_object('completedWaitpoints', case when n.newest then coalesce(
                    (select jsonb_agg(w.entry order by w.index)
                     from engine.completed_waitpoint as w
                     where w.shard = :shard and w.run_id = :run_id and w.ordinal = n.ordinal), '[]') else '[]' end)
                order by n.ordinal)
     from (select d.ordinal, d.data, row_number() over (order by d.ordinal desc) = 1 as newest
           from engine.execution_data as d
           where d.shard = :shard and d.run_id = :run_id and d.ordinal > p.ordinal and d.is_valid
           order by d.ordinal desc
           limit 50) as n), '[]') as snapshots
from engine.unfiltered_history as p
join engine.run as r on r.shard = :shard and r.id = :run_id
where p.shard = :shard and p.run_id = :run_id and p.id = :snapshot_id and (:environment_id::text is null or r.environment_id = :environment_id)
