-- How long runs waited for their dequeue, and how long attempts took: per minute since a moment, how many of each step of durations.
-- $1 text environment, or null for all. $2 text the first minute
select jsonb_build_object('minute', c.minute, 'is_wait', c.is_wait, 'counts', jsonb_object_agg(c.bucket, c.number)) as row
from (
    select d.minute, d.is_wait, d.bucket, sum(d.number) as number
    from engine.duration_count as d
    where d.minute >= $2::text::timestamptz and ($1::text is null or d.environment_id = $1)
    group by d.minute, d.is_wait, d.bucket
) as c
group by c.minute, c.is_wait
