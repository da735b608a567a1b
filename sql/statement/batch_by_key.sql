-- The batch with a key.
-- $1 smallint shard, $2 text environment id, $3 text key
-- Locks: none. Index: batch_key.
select b.id, b.idempotency_key_expires_at
from engine.batch as b
where b.shard = $1 and b.environment_id = $2 and b.idempotency_key = $3
