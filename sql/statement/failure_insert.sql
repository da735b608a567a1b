-- Notes runs that have failed, in the transaction in which they do.
-- :shard smallint
-- One array element per run:
-- :run_id text[]
-- :error_code text[]
-- :fingerprint text[]
-- :message text[]
-- Locks: the new rows; run states held by run_lock or run_lock_free, or new. Index: run_pkey, run_state_pkey.
insert into engine.failure (
    failed_at, triggered_at, run_status, shard, is_dead_lettered, run_id, environment_id, task, queue, concurrency_key, version,
    error_code, fingerprint, message)
select coalesce(s.completed_at, s.updated_at), r.created_at, s.run_status, r.shard, s.is_dead_lettered, r.id, r.environment_id, r.task,
       r.queue, r.concurrency_key, coalesce(s.version, r.version), f.error_code, f.fingerprint, f.message
from unnest(:run_id, :error_code, :fingerprint, :message) as f(run_id, error_code, fingerprint, message)
join engine.run as r on r.shard = :shard and r.id = f.run_id
join engine.run_state as s on s.shard = :shard and s.run_id = f.run_id
