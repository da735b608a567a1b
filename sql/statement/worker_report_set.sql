-- Notes what a worker tells of itself; returns whether it was known.
-- :environment_id text
-- :worker_id text
-- :runner_id text
-- :worker_queue text
-- :version text
-- :capacity integer
-- :now timestamptz
-- :forget_at timestamptz
-- -> is_known boolean
-- Locks: the worker's row. Index: worker_report_pkey.
insert into engine.worker_report as w (
    environment_id, worker_id, runner_id, worker_queue, version, capacity, started_at, reported_at, forget_at)
values (:environment_id, :worker_id, :runner_id, :worker_queue, :version, :capacity, :now, :now, :forget_at)
on conflict (environment_id, worker_id, runner_id) do update
set worker_queue = excluded.worker_queue,
    version = excluded.version,
    capacity = excluded.capacity,
    reported_at = excluded.reported_at,
    forget_at = excluded.forget_at
returning w.started_at < :now as is_known
