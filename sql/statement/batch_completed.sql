-- The batches that a run has waited for and whose runs have all succeeded, with the number of these.
-- :shard smallint
-- :environment_id text
-- :first_key text: what their keys begin with
-- :end_key text: the first key behind them
-- :now timestamptz
-- :max_batches bigint: most rows
-- -> id text, item_count integer
-- Locks: none. Index: batch_key, batch_item_pkey, run_state_pkey.
select b.id, b.item_count
from engine.batch as b
where b.shard = :shard and b.environment_id = :environment_id
  and b.idempotency_key >= :first_key and b.idempotency_key < :end_key
  and b.status = 'COMPLETED' and b.failed_count = 0
  and (b.idempotency_key_expires_at is null or b.idempotency_key_expires_at >= :now)
  and not exists (
      select
      from engine.batch_item as i
      left join engine.run_state as s on s.shard = i.shard and s.run_id = i.run_id
      where i.shard = b.shard and i.batch_id = b.id and s.run_status is distinct from 'COMPLETED_SUCCESSFULLY')
limit :max_batches
