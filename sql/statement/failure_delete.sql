-- Forgets that runs failed: they are redriven, or removed.
-- :shard smallint
-- :run_ids text[]
-- Locks: run states held by run_lock, run_lock_free or removal_lock. Index: failure_pkey.
delete from engine.failure as f
where f.shard = :shard and f.run_id = any (:run_ids)
