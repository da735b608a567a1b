-- The waitpoint with a caller's key.
-- :shard smallint
-- :environment_id text
-- :key text
-- -> idempotency_key_expires_at timestamptz null, id text
-- Locks: none. Index: waitpoint_key.
select w.idempotency_key_expires_at, w.id
from engine.waitpoint as w
where w.shard = :shard and w.environment_id = :environment_id and w.idempotency_key = :key and w.user_provided_idempotency_key
