-- Forgets workers that have told nothing of themselves for an hour or two.
-- :now timestamptz
-- :max_items integer: most rows
-- Locks: the workers' rows, SKIP LOCKED. Index: worker_report_expiry, worker_report_pkey.
delete from engine.worker_report as w
using (
    select o.environment_id, o.worker_id, o.runner_id
    from engine.worker_report as o
    where o.forget_at < :now
    order by o.forget_at
    limit :max_items
    for update skip locked
) as old
where w.environment_id = old.environment_id and w.worker_id = old.worker_id and w.runner_id = old.runner_id
