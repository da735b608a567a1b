-- Whether a batch is in the environment of a run.
-- :shard smallint
-- :batch_id text
-- :run_id text
-- -> exists boolean
-- Locks: none. Index: batch_pkey, run_pkey.
select exists (
    select
    from engine.batch as b
    join engine.run as r on r.shard = b.shard and r.environment_id = b.environment_id
    where b.shard = :shard and b.id = :batch_id and r.id = :run_id)
