-- Workers that hold runs, or have told of themselves in the last ten minutes, those that are late first.
-- $1 text environment, or null for all
with held as (
    select coalesce(h.runner_id, h.worker_id, '') as name, max(h.runner_id) as runner_id, max(h.worker_id) as worker_id, count(*) as runs,
           count(*) filter (where h.deadline_at < clock_timestamp()) as late,
           max(h.beat_at) as beat_at,
           min(h.deadline_at) as deadline_at,
           min(h.acquired_at) as since,
           array_agg(distinct r.worker_queue) as worker_queues,
           array_agg(distinct r.version) filter (where r.version is not null) as versions
    from engine.held_run as h
    -- Looked up for each: a join of all would read every run that there is.
    cross join lateral (
        select d.worker_queue, d.version
        from engine.run_detail as d
        where d.shard = h.shard and d.run_id = h.run_id
        offset 0
    ) as r
    where h.holds_slot and ($1::text is null or h.environment_id = $1)
    group by 1
), told as (
    select coalesce(s.runner_id, s.worker_id) as name, max(s.runner_id) as runner_id, max(s.worker_id) as worker_id, sum(s.capacity) as capacity, max(s.reported_at) as reported_at,
           array_agg(distinct s.worker_queue) as worker_queues,
           array_agg(distinct s.version) filter (where s.version is not null) as versions
    from engine.worker_state as s
    where s.reported_at > clock_timestamp() - interval '10 minutes'
      and ($1 is null or s.environment_id is null or s.environment_id = $1)
    group by 1
)
select jsonb_build_object(
           'worker', nullif(w.name, ''),
           'group', case when w.runner_id is not null then w.worker_id end,
           'runs', w.runs,
           'capacity', w.capacity,
           'late', w.late,
           'beat_ms', greatest(0, (extract(epoch from clock_timestamp() - w.beat_at) * 1000)::bigint),
           'left_ms', coalesce((extract(epoch from w.deadline_at - clock_timestamp()) * 1000)::bigint, 0),
           'longest_ms', (extract(epoch from clock_timestamp() - w.since) * 1000)::bigint,
           'worker_queues', w.worker_queues,
           'versions', w.versions) as row
from (
    select coalesce(t.name, h.name) as name,
           coalesce(t.runner_id, h.runner_id) as runner_id,
           coalesce(t.worker_id, h.worker_id) as worker_id,
           coalesce(h.runs, 0) as runs,
           coalesce(h.late, 0) as late,
           t.capacity,
           greatest(h.beat_at, t.reported_at) as beat_at,
           h.deadline_at,
           h.since,
           coalesce(t.worker_queues, h.worker_queues) as worker_queues,
           coalesce(t.versions, h.versions) as versions
    from held as h
    full join told as t on t.name = h.name
) as w
order by w.late desc, w.runs desc, w.name
limit 500
