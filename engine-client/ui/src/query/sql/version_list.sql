-- Registered versions and those that runs wait for, the newest first.
-- $1 text environment, or null for all
select jsonb_build_object(
           'environment_id', v.environment_id,
           'version', v.version,
           'is_current', coalesce(w.is_current, false),
           'is_registered', w.version is not null,
           'registered_at', w.registered_at,
           'tasks', w.task_count,
           'waiting', coalesce(p.waiting, 0)) as row
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
where $1::text is null or v.environment_id = $1
order by v.environment_id, w.registered_at desc nulls first, v.version desc
limit 200
