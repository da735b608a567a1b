-- Reads the quota of an environment.
-- :environment_id text
-- -> queued_runs bigint null, runs_per_second double precision null, payload_bytes bigint null, kept_bytes bigint null,
-- -> schedules integer null
-- Locks: none. Index: quota_pkey.
select q.queued_runs, q.runs_per_second, q.payload_bytes, q.kept_bytes, q.schedules
from engine.quota as q
where q.environment_id = :environment_id
