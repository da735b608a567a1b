-- Versions of workers: those that have registered, and those that execute runs now.
-- $1 text environment, null for all
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
with held as (
    select h.environment_id, s.version, count(*) as running,
           count(*) filter (where h.deadline_at < (select c.now from engine.clock as c)) as overdue
    from engine.heartbeat as h
    join engine.run_state as s on s.shard = h.shard and s.run_id = h.run_id
    where h.holds_slot
    group by h.environment_id, s.version
)
select case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
           'environment_id', coalesce(w.environment_id, h.environment_id),
           'version', coalesce(w.version, h.version, 'any'),
           'is_current', coalesce(w.is_current, false),
           'registered_at', w.registered_at,
           'tasks', (select count(*) from jsonb_object_keys(w.tasks)),
           'queues', cardinality(w.queues),
           'running', coalesce(h.running, 0),
           'overdue', coalesce(h.overdue, 0)) end as row
from engine.worker as w
full join held as h on h.environment_id = w.environment_id and h.version = w.version
where $1::text is null or coalesce(w.environment_id, h.environment_id) = $1
order by coalesce(w.environment_id, h.environment_id), w.is_current desc nulls last, w.registered_at desc nulls last
