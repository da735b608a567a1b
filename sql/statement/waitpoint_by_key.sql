-- The waitpoint with a caller's key.
-- $1 smallint shard, $2 text environment id, $3 text key
-- Locks: none. Index: waitpoint_key.
select w.idempotency_key_expires_at, w.id
from engine.waitpoint as w
where w.shard = $1 and w.environment_id = $2 and w.idempotency_key = $3 and w.user_provided_idempotency_key
