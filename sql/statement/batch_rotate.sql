-- Removes an expired key from its batch, so that another batch may have it.
-- :shard smallint
-- :batch_id text
-- :key text
-- Locks: the batch's row, waiting. The second of two sessions finds the key gone. Index: batch_pkey, batch_key.
update engine.batch as b
set idempotency_key = null
where b.shard = :shard and b.id = :batch_id and b.idempotency_key = :key
