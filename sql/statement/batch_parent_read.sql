-- The run that waits for a batch, which is locked before the batch. Neither ever changes.
-- :shard smallint
-- :batch_id text
-- -> waiting_run_id text null
-- Locks: none. Index: batch_pkey.
select case when b.resume_parent then b.parent_run_id end as waiting_run_id
from engine.batch as b
where b.shard = :shard and b.id = :batch_id
