-- Registered versions and those that runs wait for, the newest first; and how many runs that are bound to each ended and failed
-- among the newest 1,000 events.
-- $1 text environment, or null for all
select jsonb_build_object(
           'environment_id', v.environment_id,
           'version', v.version,
           'is_current', coalesce(w.is_current, false),
           'is_registered', w.version is not null,
           'registered_at', w.registered_at,
           'tasks', w.task_count,
           'waiting', coalesce(p.waiting, 0),
           'ended', coalesce(o.ended, 0),
           'failed', coalesce(o.failed, 0)) as row
from (
    select w.environment_id, w.version
    from engine.worker_version as w
    union
    select p.environment_id, p.version
    from engine.parked_run as p
    where p.version is not null
) as v
left join engine.worker_version as w on w.environment_id = v.environment_id and w.version = v.version
left join (
    select p.environment_id, p.version, count(*) as waiting
    from engine.parked_run as p
    group by p.environment_id, p.version
) as p on p.environment_id = v.environment_id and p.version = v.version
left join (
    select r.environment_id, r.version, count(*) as ended,
           count(*) filter (where h.run_status in ('COMPLETED_WITH_ERRORS', 'SYSTEM_FAILURE', 'CRASHED', 'INTERRUPTED', 'TIMED_OUT')) as failed
    from engine.newest_history as h
    -- Looked up for each: a join of all would read every run that there is.
    cross join lateral (
        select d.environment_id, d.version
        from engine.run_detail as d
        where d.shard = h.shard and d.run_id = h.run_id
        offset 0
    ) as r
    where h.execution_status = 'FINISHED'
    group by r.environment_id, r.version
) as o on o.environment_id = v.environment_id and o.version = v.version
where $1::text is null or v.environment_id = $1
order by v.environment_id, w.registered_at desc nulls first, v.version desc
limit 200
