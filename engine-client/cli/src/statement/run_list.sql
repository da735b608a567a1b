-- Runs that match all that is given, newest first: by their ids, which begin with the time unless a trigger chose one.
-- $1 text[] run statuses, $2 text task, $3 text queue, $4 text environment, $5 text tag, $6 text run id: only runs older than
-- this one, $7 boolean only runs that have ended, or that have not, $8 bigint at most so many; null for any
-- Locks: none. Index: run_pkey, backward in each shard.
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
select r.entry as row
from (
    select e.shard
    from engine.environment as e
    union
    select 0
) as d
cross join lateral (
    select r.id,
           case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
               'run_id', 'run_' || r.id,
               'task', r.task,
               'queue', r.queue,
               'environment_id', r.environment_id,
               'concurrency_key', r.concurrency_key,
               'tags', coalesce(r.tags, '{}'),
               'run_status', s.run_status,
               'execution_status', s.execution_status,
               'attempt_number', s.attempt_number,
               'created_at', r.created_at,
               'updated_at', s.updated_at,
               'completed_at', s.completed_at,
               'age_ms', (extract(epoch from clock_timestamp() - r.created_at) * 1000)::bigint) end as entry
    from engine.run as r
    join engine.run_state as s on s.shard = r.shard and s.run_id = r.id
    where r.shard = d.shard
      and ($1::text[] is null or s.run_status::text = any ($1))
      and ($2::text is null or r.task = $2)
      and ($3::text is null or r.queue = $3)
      and ($4::text is null or r.environment_id = $4)
      and ($5::text is null or $5 = any (r.tags))
      and ($6::text is null or r.id < $6)
      and ($7::boolean is null or (s.execution_status = 'FINISHED') = $7)
    order by r.id desc
    limit $8::bigint
) as r
order by r.id desc
limit $8
