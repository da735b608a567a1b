-- The newest transitions, the newest first.
-- $1 text environment, or null for all
select jsonb_build_object(
           'run_id', h.run_id,
           'ordinal', h.ordinal,
           'at', h.created_at,
           'transition', h.transition,
           'run_status', h.run_status,
           'execution_status', h.execution_status,
           'attempt', h.attempt_number,
           'task', r.task,
           'queue', r.queue) as row
from (
    select n.*
    from engine.newest_history as n
    order by n.created_at desc, n.run_id, n.ordinal desc
    limit 200
) as h
-- Looked up for each: a join of all would read every run that there is.
cross join lateral (
    select d.task, d.queue, d.environment_id
    from engine.run_detail as d
    where d.shard = h.shard and d.run_id = h.run_id
    offset 0
) as r
where $1::text is null or r.environment_id = $1
order by h.created_at desc, h.run_id, h.ordinal desc
limit 100
