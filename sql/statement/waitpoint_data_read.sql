-- A waitpoint as callers see it, with the runs that wait for it and those that ever did, at most a hundred each.
-- :shard smallint
-- :waitpoint_id text
-- :environment_id text: environment id or null for any
-- -> data jsonb
-- Locks: none. Index: waitpoint_pkey, edge_waitpoint, waitpoint_history_pkey.
select d.data
       || jsonb_build_object(
           'blockingTaskRuns', coalesce(
               (select jsonb_agg(jsonb_build_object('taskRun', jsonb_build_object(
                           'id', e.run_id, 'friendlyId', 'run_' || e.run_id)) order by e.run_id)
                from (
                    select distinct e.run_id
                    from engine.edge as e
                    where e.shard = :shard and e.waitpoint_id = :waitpoint_id
                    limit 100
                ) as e), '[]'),
           'connectedRuns', coalesce(
               (select jsonb_agg(jsonb_build_object('id', h.run_id, 'friendlyId', 'run_' || h.run_id) order by h.run_id)
                from (
                    select h.run_id
                    from engine.waitpoint_history as h
                    where h.shard = :shard and h.waitpoint_id = :waitpoint_id
                    order by h.run_id
                    limit 100
                ) as h), '[]')) as data
from engine.waitpoint_data as d
where d.shard = :shard and d.id = :waitpoint_id and (:environment_id::text is null or d.environment_id = :environment_id)
