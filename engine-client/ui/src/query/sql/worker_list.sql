-- Workers that hold runs, those that are late first.
-- $1 text environment, or null for all
select jsonb_build_object(
           'worker', coalesce(h.runner_id, h.worker_id),
           'group', case when h.runner_id is not null then h.worker_id end,
           'runs', count(*),
           'late', count(*) filter (where h.deadline_at < clock_timestamp()),
           'beat_ms', greatest(0, (extract(epoch from clock_timestamp() - max(h.beat_at)) * 1000)::bigint),
           'left_ms', (extract(epoch from min(h.deadline_at) - clock_timestamp()) * 1000)::bigint,
           'longest_ms', greatest(0, (extract(epoch from clock_timestamp() - min(h.acquired_at)) * 1000)::bigint),
           'worker_queues', jsonb_agg(distinct r.worker_queue),
           'versions', jsonb_agg(distinct r.version) filter (where r.version is not null)) as row
from engine.held_run as h
join engine.run_detail as r on r.shard = h.shard and r.run_id = h.run_id
where h.holds_slot and ($1::text is null or h.environment_id = $1)
group by h.runner_id, h.worker_id
order by count(*) filter (where h.deadline_at < clock_timestamp()) desc, count(*) desc, 1
limit 500
