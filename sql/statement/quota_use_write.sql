-- Writes what an environment has used.
-- :environment_id text
-- :tokens double precision
-- :refilled_at timestamptz
-- :queued_bound bigint
-- :kept_bytes bigint
-- Locks: the row, held by quota_use_lock. Index: quota_use_pkey.
update engine.quota_use as u
set tokens = :tokens,
    refilled_at = :refilled_at,
    queued_bound = :queued_bound,
    kept_bytes = :kept_bytes
where u.environment_id = :environment_id
