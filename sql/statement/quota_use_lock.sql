-- Locks what environments have used, and reads it.
-- :environment_ids text[]
-- -> environment_id text, tokens double precision, refilled_at timestamptz, queued_bound bigint, kept_bytes bigint
-- Locks: the rows, in the order of their environments. Index: quota_use_pkey.
select u.environment_id, u.tokens, u.refilled_at, u.queued_bound, u.kept_bytes
from engine.quota_use as u
where u.environment_id = any (:environment_ids)
order by u.environment_id
for update
