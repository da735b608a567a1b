-- The waitpoints of a run's own steps and waits that have completed without an error.
-- :shard smallint
-- :environment_id text
-- :first_key text: what their keys begin with
-- :end_key text: the first key behind them
-- :now timestamptz
-- :max_waitpoints bigint: most rows
-- -> id text
-- Locks: none. Index: waitpoint_key.
select w.id
from engine.waitpoint as w
where w.shard = :shard and w.environment_id = :environment_id and w.user_provided_idempotency_key
  and w.idempotency_key >= :first_key and w.idempotency_key < :end_key
  and w.status = 'COMPLETED' and not w.output_is_error
  and (w.idempotency_key_expires_at is null or w.idempotency_key_expires_at >= :now)
limit :max_waitpoints
