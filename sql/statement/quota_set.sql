-- Writes the quota of an environment.
-- :environment_id text
-- :queued_runs bigint
-- :runs_per_second double precision
-- :payload_bytes bigint
-- :kept_bytes bigint
-- :schedules integer
-- :now timestamptz
-- Locks: its row; the use of the environment is locked. Index: quota_pkey.
insert into engine.quota (environment_id, queued_runs, runs_per_second, payload_bytes, kept_bytes, schedules, set_at)
values (:environment_id, :queued_runs, :runs_per_second, :payload_bytes, :kept_bytes, :schedules, :now)
on conflict on constraint quota_pkey do update
set queued_runs = excluded.queued_runs,
    runs_per_second = excluded.runs_per_second,
    payload_bytes = excluded.payload_bytes,
    kept_bytes = excluded.kept_bytes,
    schedules = excluded.schedules,
    set_at = excluded.set_at
