-- Forgets a worker that ends.
-- :environment_id text
-- :worker_id text
-- :runner_id text
-- Locks: the worker's row. Index: worker_report_pkey.
delete from engine.worker_report as w
where w.environment_id = :environment_id and w.worker_id = :worker_id and w.runner_id = :runner_id
