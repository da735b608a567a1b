-- Locks the batches among these that have ended, have no key that is still valid, and no run, except those that other
-- sessions have locked.
-- :shard smallint
-- :batch_ids text[]
-- :now timestamptz
-- -> id text
-- Locks: the batches' rows, FOR UPDATE, SKIP LOCKED. A batch that has ended accepts no more runs. Index: batch_pkey, run_batch.
select b.id
from unnest(:batch_ids) as g(id)
cross join lateral (
    select b.id
    from engine.batch as b
    where b.shard = :shard and b.id = g.id and b.status in ('COMPLETED', 'ABORTED')
      and (b.idempotency_key is null or b.idempotency_key_expires_at < :now)
      and not exists (select from engine.run as r where r.shard = :shard and r.batch_id = b.id)
    for update skip locked
) as b
