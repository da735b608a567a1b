-- Locks the batches among these that have ended, have no key that is still valid, no run, and no parent or other run that
-- waits, or has waited and lives, except those that other sessions have locked.
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
      and not exists (
          select
          from engine.run_state as s
          where s.shard = :shard and s.run_id = b.parent_run_id and s.execution_status <> 'FINISHED')
      and not exists (
          select
          from engine.waitpoint as w
          join engine.waitpoint_history as h on h.shard = :shard and h.waitpoint_id = w.id
          join engine.run_state as s on s.shard = :shard and s.run_id = h.run_id
          where w.shard = :shard and w.completed_by_batch_id = b.id and s.execution_status <> 'FINISHED')
    for update skip locked
) as b
