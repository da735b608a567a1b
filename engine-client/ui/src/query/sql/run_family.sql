-- The parent of a run and its children, the newest children first.
-- $1 text run id, $2 text parent's run id or null, $3 bigint at most so many children
select jsonb_build_object(
           'run_id', r.run_id,
           'task', r.task,
           'queue', r.queue,
           'run_status', r.status,
           'execution_status', r.execution_status,
           'attempt', r.attempt_number,
           'max_attempts', r.max_attempts,
           'created_at', r.created_at,
           'available_at', r.available_at,
           'completed_at', r.completed_at,
           'is_parent', r.run_id = $2) as row
from (
    select distinct e.shard
    from engine.environment_shard as e
) as d
cross join lateral (
    select p.*
    from engine.run_detail as p
    where p.shard = d.shard and p.run_id = $2::text
    union all
    (
        select c.*
        from engine.run_detail as c
        where c.shard = d.shard and c.parent_run_id = $1::text
        order by c.run_id desc
        limit $3::bigint
    )
) as r
order by r.run_id = $2 desc, r.run_id desc
