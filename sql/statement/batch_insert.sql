-- Writes a new batch, unless another one has its key; returns its id if it was written.
-- $1 smallint shard, $2 timestamptz now, $3 text id, $4 text environment id, $5 integer how many items it will have,
-- $6 text parent run id, $7 boolean whether that waits, $8 text key, $9 timestamptz when the key expires, $10 jsonb options
-- Locks: the new row; waits for another one of the same key that has not committed. Index: batch_pkey, batch_key.
insert into engine.batch (
    shard, id, environment_id, run_count, parent_run_id, resume_parent, idempotency_key, idempotency_key_expires_at, options,
    created_at)
values ($1, $3, $4, $5, $6, $7, $8, $9, $10, $2)
on conflict do nothing
returning id
