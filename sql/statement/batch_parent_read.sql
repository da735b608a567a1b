-- The run that waits for a batch, which is locked before the batch. Neither ever changes.
-- $1 smallint shard, $2 text batch id
-- Locks: none. Index: batch_pkey.
select case when b.resume_parent then b.parent_run_id end
from engine.batch as b
where b.shard = $1 and b.id = $2
