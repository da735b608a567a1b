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
    from engine.recent_history as n
    where n.created_at >= clock_timestamp() - interval '1 hour'
    order by n.created_at desc, n.run_id, n.ordinal desc
    limit 200
) as h
join engine.run_detail as r on r.shard = h.shard and r.run_id = h.run_id
where $1::text is null or r.environment_id = $1
order by h.created_at desc, h.run_id, h.ordinal desc
limit 100
