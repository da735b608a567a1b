-- What runs wait for, by task and kind, those with most runs first. Runs that wait are alive: their number bounds the cost.
-- $1 text environment, or null for all
select jsonb_build_object(
           'task', g.task,
           'kind', g.kind,
           'for_task', g.for_task,
           'runs', count(*),
           'suspended', count(*) filter (where g.is_suspended),
           'longest_ms', greatest(0, (extract(epoch from clock_timestamp() - min(g.since)) * 1000)::bigint)) as row
from (
    select r.task, w.type as kind, c.task as for_task, r.execution_status = 'SUSPENDED' as is_suspended, w.since
    from (
        select distinct on (e.shard, e.run_id) e.*
        from engine.run_wait as e
        where e.status = 'PENDING'
        order by e.shard, e.run_id, e.since
        limit 20000
    ) as w
    -- Looked up for each: a join of all would read every run that there is.
    cross join lateral (
        select d.task, d.execution_status, d.environment_id
        from engine.run_detail as d
        where d.shard = w.shard and d.run_id = w.run_id
        offset 0
    ) as r
    left join lateral (
        select d.task
        from engine.run_detail as d
        where d.shard = w.shard and d.run_id = w.completed_by_run_id
        offset 0
    ) as c on true
    where $1::text is null or r.environment_id = $1
) as g
group by g.task, g.kind, g.for_task
order by count(*) desc, g.task
limit 50
