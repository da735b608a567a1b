-- Whether a batch is in the environment of a run.
-- $1 smallint shard, $2 text batch id, $3 text run id
-- Locks: none. Index: batch_pkey, run_pkey.
select exists (
    select
    from engine.batch as b
    join engine.run as r on r.shard = b.shard and r.environment_id = b.environment_id
    where b.shard = $1 and b.id = $2 and r.id = $3)
