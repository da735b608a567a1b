-- Locks what an environment has used, unless another session has locked it.
-- :environment_id text
-- -> environment_id text
-- Locks: the row, SKIP LOCKED: then the tick leaves it. Index: quota_use_pkey.
select u.environment_id
from engine.quota_use as u
where u.environment_id = :environment_id
for update skip locked
