-- How many runs failed since a moment, at most 100,000 of each environment.
-- $1 bigint milliseconds back
-- Index: failure_environment, backward in each environment.
select to_jsonb(count(*)) as row
from engine.environment_shard as e
cross join lateral (
    select n.run_id
    from engine.unfiltered_failed_run as n
    where n.shard = e.shard and n.environment_id = e.environment_id
      and n.failed_at >= clock_timestamp() - $1::bigint * interval '1 millisecond'
      and n.run_status <> 'EXPIRED'
    order by n.failed_at desc
    limit 100000
) as f
