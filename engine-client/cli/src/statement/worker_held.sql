-- Workers that hold runs, or have told of themselves in the last ten minutes, those that are late first. At most 5,000 runs are looked
-- at, those whose deadline is first.
-- $1 text environment, null for all; $2 bigint at most so many
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
with held as (
    select coalesce(h.runner_id, h.worker_id, '') as name, max(h.worker_id) as worker_id, max(h.runner_id) as runner_id, count(*) as runs,
           count(*) filter (where h.deadline_at < c.now) as late,
           max(h.beat_at) as beat_at,
           min(h.acquired_at) as since
    from (
        select t.*
        from engine.held_run as t
        where t.holds_slot and ($1::text is null or t.environment_id = $1)
        order by t.deadline_at
        limit 5000
    ) as h
    cross join engine.clock as c
    group by 1
), told as (
    select coalesce(s.runner_id, s.worker_id) as name, max(s.worker_id) as worker_id, max(s.runner_id) as runner_id, sum(s.capacity) as capacity, max(s.reported_at) as reported_at
    from engine.worker_state as s
    where s.reported_at > (select c.now - interval '10 minutes' from engine.clock as c)
      and ($1 is null or s.environment_id is null or s.environment_id = $1)
    group by 1
)
select case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
           'worker', coalesce(nullif(w.name, ''), '(unnamed)'),
           'worker_id', w.worker_id,
           'runner_id', w.runner_id,
           'runs', w.runs,
           'capacity', w.capacity,
           'late', w.late,
           'beat_at', w.beat_at,
           'beat_age_ms', greatest(0, (extract(epoch from c.now - w.beat_at) * 1000)::bigint),
           'longest_ms', greatest(0, (extract(epoch from c.now - w.since) * 1000)::bigint)) end as row
from (
    select coalesce(t.name, h.name) as name,
           coalesce(t.worker_id, h.worker_id) as worker_id,
           coalesce(t.runner_id, h.runner_id) as runner_id,
           coalesce(h.runs, 0) as runs,
           coalesce(h.late, 0) as late,
           t.capacity,
           greatest(h.beat_at, t.reported_at) as beat_at,
           h.since
    from held as h
    full join told as t on t.name = h.name
) as w
cross join engine.clock as c
order by w.late desc, w.runs desc, w.name
limit $2::bigint
