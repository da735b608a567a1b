-- How many queues there are, and how many of each kind, with the names of some. One row.
-- $1 text environment, $2 text part of the name; null for all
select jsonb_build_object(
           'all', count(*),
           'due', count(*) filter (where q.due > 0),
           'paused', count(*) filter (where q.is_paused),
           'paused_names', coalesce((array_agg(q.queue order by q.queue) filter (where q.is_paused))[1:3], '{}'),
           'full', count(*) filter (where q.is_full),
           'full_names', coalesce((array_agg(q.queue order by q.queue) filter (where q.is_full))[1:3], '{}'),
           'oldest_ms', greatest(0, (extract(epoch from max(q.oldest_age) filter (where q.due > 0)) * 1000)::bigint),
           'oldest_name', (array_agg(q.queue order by q.oldest_age desc) filter (where q.due > 0))[1]) as row
from (
    select t.*, t.waiting_keys = 0 and t.running >= t.concurrency_limit and not t.is_paused as is_full
    from engine.queue_stats as t
    where ($1::text is null or t.environment_id = $1)
      and ($2::text is null or position(lower($2) in lower(t.queue)) > 0)
) as q
