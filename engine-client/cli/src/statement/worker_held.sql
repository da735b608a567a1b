-- Workers that hold runs, those that are late first. At most 5,000 runs are looked at, those whose deadline is first.
-- $1 text environment, null for all; $2 bigint at most so many
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
select case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
           'worker', coalesce(h.runner_id, h.worker_id, '(unnamed)'),
           'worker_id', h.worker_id,
           'runner_id', h.runner_id,
           'runs', count(*),
           'late', count(*) filter (where h.deadline_at < c.now),
           'beat_at', max(h.beat_at),
           'beat_age_ms', greatest(0, (extract(epoch from c.now - max(h.beat_at)) * 1000)::bigint),
           'longest_ms', greatest(0, (extract(epoch from c.now - min(h.acquired_at)) * 1000)::bigint)) end as row
from (
    select t.*
    from engine.held_run as t
    where t.holds_slot and ($1::text is null or t.environment_id = $1)
    order by t.deadline_at
    limit 5000
) as h
cross join engine.clock as c
group by h.runner_id, h.worker_id, c.now
order by count(*) filter (where h.deadline_at < c.now) desc, count(*) desc, coalesce(h.runner_id, h.worker_id)
limit $2::bigint
