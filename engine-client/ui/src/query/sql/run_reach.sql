-- The oldest run that a list has looked at, where it has looked at as many as it may: the next look begins there.
-- $1 jsonb the filter (run_match.sql). $2 text run id or null: only runs older than this one. $3 bigint so many are looked at
select to_jsonb(min(l.run_id)) as row
from (
    select distinct e.shard
    from engine.environment_shard as e
) as d
cross join lateral (
    select t.run_id
    from engine.run_detail as t
    where t.shard = d.shard and $1::jsonb is not null and ($2::text is null or t.run_id < $2)
      :source
    order by t.run_id desc
    offset $3::bigint - 1
    limit 1
) as l
