-- Removes an expired key from its batch, so that another batch may have it.
-- $1 smallint shard, $2 text batch id, $3 text key
-- Locks: the batch's row, waiting. The second of two sessions finds the key gone. Index: batch_pkey, batch_key.
update engine.batch as b
set idempotency_key = null
where b.shard = $1 and b.id = $2 and b.idempotency_key = $3
