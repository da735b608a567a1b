-- Removes an expired key from its waitpoint, so that another waitpoint may have it.
-- $1 smallint shard, $2 text waitpoint id, $3 text key, $4 text what stands in its place
-- Locks: the waitpoint's row, waiting. The second of two sessions finds the key gone. Index: waitpoint_pkey, waitpoint_key.
update engine.waitpoint as w
set idempotency_key = $4,
    inactive_idempotency_key = $3
where w.shard = $1 and w.id = $2 and w.idempotency_key = $3
