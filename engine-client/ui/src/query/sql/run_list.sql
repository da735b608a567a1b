-- Runs of a filter, newest first: by their ids, which begin with the time unless a trigger chose one. So many of the newest are
-- looked at in each shard, and no more: what a page costs does not depend on how rare a match is.
-- $1 jsonb the filter (run_match.sql). $2 text run id or null: only runs older than this one. $3 text[] run ids or null: only these.
-- $4 bigint so many are looked at. $5 bigint at most so many match
-- Index: run_pkey, backward in each shard; run_batch or run_parent.
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
          and ($2::text is null or t.run_id < $2)
          and ($3::text[] is null or t.run_id = any ($3))
          :source
        order by t.run_id desc
        limit $4::bigint
    ) as n
    where :matches
    order by n.run_id desc
    limit $5::bigint
) as r
order by r.run_id desc
limit $5
