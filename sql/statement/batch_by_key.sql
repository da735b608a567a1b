-- The batch with a key.
-- :shard smallint
-- :environment_id text
-- :key text
-- -> id text, idempotency_key_expires_at timestamptz null
-- Locks: none. Index: batch_key.
select b.id, b.idempotency_key_expires_at
from engine.batch as b
where b.shard = :shard and b.environment_id = :environment_id and b.idempotency_key = :key
