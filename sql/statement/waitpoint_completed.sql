-- The waitpoints of a run's own steps and waits that have completed without an error.
-- $1 smallint shard, $2 text environment id, $3 text what their keys begin with, $4 text the first key behind them,
-- $5 timestamptz now, $6 bigint how many at most
-- Locks: none. Index: waitpoint_key.
select w.id
from engine.waitpoint as w
where w.shard = $1 and w.environment_id = $2 and w.user_provided_idempotency_key
  and w.idempotency_key >= $3 and w.idempotency_key < $4
  and w.status = 'COMPLETED' and not w.output_is_error
  and (w.idempotency_key_expires_at is null or w.idempotency_key_expires_at >= $5)
limit $6
