-- A waitpoint as callers see it, with the runs that wait for it and those that ever did, at most a hundred each.
-- $1 smallint shard, $2 text waitpoint id, $3 text environment id or null for any
-- Locks: none. Index: waitpoint_pkey, edge_waitpoint, waitpoint_history_pkey.
select d.data
       || jsonb_build_object(
           'blockingTaskRuns', coalesce(
               (select jsonb_agg(jsonb_build_object('taskRun', jsonb_build_object(
                           'id', e.run_id, 'friendlyId', 'run_' || e.run_id)) order by e.run_id)
                from (
                    select distinct e.run_id
                    from engine.edge as e
                    where e.shard = $1 and e.waitpoint_id = $2
                    limit 100
                ) as e), '[]'),
           'connectedRuns', coalesce(
               (select jsonb_agg(jsonb_build_object('id', h.run_id, 'friendlyId', 'run_' || h.run_id) order by h.run_id)
                from (
                    select h.run_id
                    from engine.waitpoint_history as h
                    where h.shard = $1 and h.waitpoint_id = $2
                    order by h.run_id
                    limit 100
                ) as h), '[]'))
from engine.waitpoint_data as d
where d.shard = $1 and d.id = $2 and ($3::text is null or d.environment_id = $3)
