-- The batches among these locked ones with a run that has not ended. Reads from the latest run back: it usually ends last.
-- :shard smallint
-- :batch_ids text[]
-- -> id text
-- Locks: none; read in a statement of its own after the batches' locks. Index: run_batch backwards, run_state_pkey.
select b.id
from unnest(:batch_ids) as g(id)
cross join lateral (
    select b.id, b.environment_id
    from engine.batch as b
    where b.shard = :shard and b.id = g.id
    offset 0
) as b
cross join lateral (
    select
    from engine.run as r
    cross join lateral (
        select
        from engine.run_state as s
        where s.shard = :shard and s.run_id = r.id and s.execution_status <> 'FINISHED'
        offset 0
    ) as s
    where r.shard = :shard and r.batch_id = b.id and r.environment_id = b.environment_id
    order by r.id desc
    limit 1
) as o
