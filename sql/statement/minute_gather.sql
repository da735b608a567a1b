-- Adds a range of the history to its minutes; returns to how many rows. Of more than 5,000 events, the newest 5,000 stand for all: what
-- it costs is bounded. They are read at once, since each read also comes by what was written after them, wherever a sweep has made room.
-- :after_position bigint
-- :to_position bigint
-- :now timestamptz
-- -> number bigint
-- Locks: the minutes' rows, in the order of their keys. Index: snapshot_position, snapshot_run, run_pkey, minute_pkey.
with sample as (
    select greatest(:after_position, :to_position - 5000) as after_position,
           greatest(1, (:to_position - :after_position) / 5000::double precision) as weight
), measured as materialized (
    select e.*, date_trunc('minute', e.created_at) as minute, s.weight
    from sample as s
    cross join lateral (
        select m.*
        from engine.measured_snapshot as m
        where m.position > s.after_position and m.position <= :to_position
        offset 0
    ) as e
    where e.created_at > :now - interval '3 hours'
), busiest as (
    select m.environment_id, m.task
    from measured as m
    group by m.environment_id, m.task
    order by count(*) desc, m.environment_id, m.task
    limit 64
), named as materialized (
    select m.*, coalesce(b.environment_id, '') as key_environment, coalesce(b.task, '') as key_task
    from measured as m
    left join busiest as b on b.environment_id = m.environment_id and b.task = m.task
), timed as materialized (
    select n.minute, n.key_environment, n.key_task, k.is_wait,
           least(89, floor(ln(greatest(k.ms, 1)) / ln(2) * 3))::integer as bucket,
           round(sum(n.weight))::integer as number
    from named as n
    cross join lateral (values (true, n.wait_ms), (false, n.run_ms)) as k(is_wait, ms)
    where k.ms is not null
    group by n.minute, n.key_environment, n.key_task, k.is_wait, 5
), filled as (
    select t.minute, t.key_environment, t.key_task, t.is_wait, array_agg(coalesce(c.number, 0) order by g.bucket) as counts
    from (
        select distinct d.minute, d.key_environment, d.key_task, d.is_wait
        from timed as d
    ) as t
    cross join generate_series(0, 89) as g(bucket)
    left join timed as c on c.minute = t.minute and c.key_environment = t.key_environment and c.key_task = t.key_task
                        and c.is_wait = t.is_wait and c.bucket = g.bucket
    group by t.minute, t.key_environment, t.key_task, t.is_wait
), added as (
    insert into engine.minute as o (
        minute, environment_id, task, triggered, dequeued, succeeded, failed, cancelled, retried, wait_counts, run_counts)
    select n.minute, n.key_environment, n.key_task,
           round(coalesce(sum(n.weight) filter (where n.is_triggered), 0))::bigint,
           round(coalesce(sum(n.weight) filter (where n.is_dequeued), 0))::bigint,
           round(coalesce(sum(n.weight) filter (where n.is_succeeded), 0))::bigint,
           round(coalesce(sum(n.weight) filter (where n.is_failed), 0))::bigint,
           round(coalesce(sum(n.weight) filter (where n.is_cancelled), 0))::bigint,
           round(coalesce(sum(n.weight) filter (where n.is_retried), 0))::bigint,
           (select f.counts
            from filled as f
            where f.minute = n.minute and f.key_environment = n.key_environment and f.key_task = n.key_task and f.is_wait),
           (select f.counts
            from filled as f
            where f.minute = n.minute and f.key_environment = n.key_environment and f.key_task = n.key_task and not f.is_wait)
    from named as n
    group by n.minute, n.key_environment, n.key_task
    order by n.minute, n.key_environment, n.key_task
    on conflict on constraint minute_pkey do update
    set triggered = o.triggered + excluded.triggered,
        dequeued = o.dequeued + excluded.dequeued,
        succeeded = o.succeeded + excluded.succeeded,
        failed = o.failed + excluded.failed,
        cancelled = o.cancelled + excluded.cancelled,
        retried = o.retried + excluded.retried,
        wait_counts = case when o.wait_counts is null then excluded.wait_counts when excluded.wait_counts is null then o.wait_counts
                           else array(select u.one + u.other
                                      from unnest(o.wait_counts, excluded.wait_counts) with ordinality as u(one, other, place)
                                      order by u.place) end,
        run_counts = case when o.run_counts is null then excluded.run_counts when excluded.run_counts is null then o.run_counts
                          else array(select u.one + u.other
                                     from unnest(o.run_counts, excluded.run_counts) with ordinality as u(one, other, place)
                                     order by u.place) end
    returning 1
)
select count(*) as number
from added
