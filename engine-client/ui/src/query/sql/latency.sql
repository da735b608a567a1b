-- How long runs waited for their dequeue, and how long attempts took, of the newest 20,000 transitions.
select jsonb_build_object(
           'wait', to_jsonb(percentile_cont(array[0.5, 0.95, 0.99]) within group (order by g.ms) filter (where g.kind = 'wait')),
           'run', to_jsonb(percentile_cont(array[0.5, 0.95, 0.99]) within group (order by g.ms) filter (where g.kind = 'run'))) as row
from (
    select case when l.transition = 'DEQUEUED' then 'wait' else 'run' end as kind,
           extract(epoch from l.created_at - greatest(l.before_at, (l.before_detail ->> 'retryAt')::timestamptz)) * 1000 as ms
    from (
        select h.transition, h.created_at,
               lag(h.created_at) over w as before_at,
               lag(h.transition) over w as before,
               lag(h.detail) over w as before_detail
        from (
            select n.shard, n.run_id, n.ordinal, n.transition, n.created_at, n.detail
            from engine.recent_history as n
            where n.created_at >= clock_timestamp() - interval '15 minutes'
            limit 20000
        ) as h
        window w as (partition by h.shard, h.run_id order by h.ordinal)
    ) as l
    where l.before_at is not null
      and (l.transition = 'DEQUEUED'
           or (l.transition in ('SUCCEEDED', 'FAILED', 'RETRIED', 'RETRIED_BY_QUEUE') and l.before in ('STARTED', 'DEQUEUED')))
) as g
