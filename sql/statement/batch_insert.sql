-- Writes a new batch, unless another one has its key; returns its id if it was written.
-- :shard smallint
-- :now timestamptz
-- :id text
-- :environment_id text
-- :run_count integer: number of items announced
-- :parent_run_id text
-- :resume_parent boolean: whether the parent waits
-- :key text
-- :key_expires_at timestamptz: when the key expires
-- :options jsonb
-- -> id text
-- Locks: the new row; waits for another one of the same key that has not committed. Index: batch_pkey, batch_key.
insert into engine.batch (
    shard, id, environment_id, run_count, parent_run_id, resume_parent, idempotency_key, idempotency_key_expires_at, options,
    created_at)
values (:shard, :id, :environment_id, :run_count, :parent_run_id, :resume_parent, :key, :key_expires_at, :options, :now)
on conflict do nothing
returning id
