-- Removes an expired key from its waitpoint, so that another waitpoint may have it.
-- :shard smallint
-- :waitpoint_id text
-- :key text
-- :stand_in text: what stands in its place
-- Locks: the waitpoint's row, waiting. The second of two sessions finds the key gone. Index: waitpoint_pkey, waitpoint_key.
update engine.waitpoint as w
set idempotency_key = :stand_in,
    inactive_idempotency_key = :key
where w.shard = :shard and w.id = :waitpoint_id and w.idempotency_key = :key
