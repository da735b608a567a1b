-- Makes the row that triggers of an environment lock.
-- :environment_id text
-- :now timestamptz
-- Locks: the new row, waiting for another session that makes it. Index: quota_use_pkey.
insert into engine.quota_use (environment_id, tokens, refilled_at, queued_bound, kept_bytes)
values (:environment_id, 0, :now, 0, 0)
on conflict on constraint quota_use_pkey do nothing
