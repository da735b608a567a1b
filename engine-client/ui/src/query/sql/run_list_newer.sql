-- Runs of a filter, oldest first: those that are nearest to a run among newer ones.
-- $1 jsonb the filter (run_match.sql). $2 text run id or null: only runs newer than this one. $3 text[] run ids or null: only these.
-- $4 bigint so many are looked at. $5 bigint at most so many match
-- Index: run_pkey, forward in each shard; run_batch or run_parent.
select :columns as row
from (
    select distinct e.shard
    from engine.environment_shard as e
    where not $1::jsonb ? 'env' or $1 -> 'env' ? e.environment_id
) as d
cross join lateral (
    select n.*
    from (
        select t.*
        from engine.run_detail as t
        where t.shard = d.shard
          and ($2::text is null or t.run_id > $2)
          and ($3::text[] is null or t.run_id = any ($3))
          :source
        order by t.run_id
        limit $4::bigint
    ) as n
    where :matches
    order by n.run_id
    limit $5::bigint
) as r
order by r.run_id
limit $5
