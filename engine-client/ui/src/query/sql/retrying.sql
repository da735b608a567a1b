-- Runs that wait for another attempt, and the task of most of them. They are queued for a later time, or kept by their worker: both
-- are alive, and their number bounds the cost.
-- $1 text environment, or null for all
select jsonb_build_object(
           'runs', coalesce(sum(t.runs), 0),
           'task', (array_agg(t.task order by t.runs desc))[1]) as row
from (
    select r.task, count(*) as runs
    from (
        select l.shard, l.run_id
        from engine.live_run as l
        limit 20000
    ) as l
    -- Looked up for each: a join of all would read every run that there is.
    cross join lateral (
        select d.task, d.status, d.environment_id
        from engine.run_detail as d
        where d.shard = l.shard and d.run_id = l.run_id
        offset 0
    ) as r
    where r.status = 'RETRYING_AFTER_FAILURE' and ($1::text is null or r.environment_id = $1)
    group by r.task
) as t
