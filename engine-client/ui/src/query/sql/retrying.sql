-- Runs that wait for another attempt, and the task of most of them.
-- $1 text environment, or null for all
select jsonb_build_object(
           'runs', coalesce(sum(t.runs), 0),
           'task', (array_agg(t.task order by t.runs desc))[1]) as row
from (
    select r.task, count(*) as runs
    from engine.retrying_run as l
    -- Looked up for each: a join of all would read every run that there is.
    cross join lateral (
        select d.task, d.environment_id
        from engine.run_detail as d
        where d.shard = l.shard and d.run_id = l.run_id
        offset 0
    ) as r
    where $1::text is null or r.environment_id = $1
    group by r.task
) as t
