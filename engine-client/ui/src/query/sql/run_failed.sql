-- Runs that failed of some tasks, queues and environments, those that are nearest to a run; and the oldest that was looked at, where
-- there may be more.
-- $1 jsonb the filter, of which it takes task, queue and env. $2 text run id or null: only runs on one side of this one. $3 bigint so
-- many are looked at in each shard. $4 bigint at most so many match. $5 boolean whether newer ones are looked for, and not older ones:
-- the other half of the union reads nothing
-- Index: failure_pkey, backward or forward in each shard.
with looked as (
    select f.run_id, f.task, f.queue, f.environment_id, f.place
    from (
        select distinct e.shard
        from engine.environment_shard as e
        where not $1::jsonb ? 'env' or $1 -> 'env' ? e.environment_id
    ) as d
    cross join lateral (
        (select n.run_id, n.task, n.queue, n.environment_id, row_number() over (order by n.run_id desc) as place
         from engine.unfiltered_failed_run as n
         where not $5::boolean and n.shard = d.shard and ($2::text is null or n.run_id < $2)
         order by n.run_id desc
         limit $3::bigint)
        union all
        (select n.run_id, n.task, n.queue, n.environment_id, row_number() over (order by n.run_id) as place
         from engine.unfiltered_failed_run as n
         where $5 and n.shard = d.shard and ($2 is null or n.run_id > $2)
         order by n.run_id
         limit $3)
    ) as f
), matching as (
    select l.run_id
    from looked as l
    where (not $1 ? 'task' or $1 -> 'task' ? l.task)
      and (not $1 ? 'queue' or $1 -> 'queue' ? l.queue)
      and (not $1 ? 'env' or $1 -> 'env' ? l.environment_id)
    order by case when $5 then l.run_id end, l.run_id desc
    limit $4::bigint
)
select jsonb_build_object(
           'ids', coalesce((select array_agg(m.run_id) from matching as m), '{}'),
           'reach', case when (select count(*) from matching as m) >= $4 then (select min(m.run_id) from matching as m)
                         else (select max(l.run_id) from looked as l where l.place = $3)
                    end) as row
