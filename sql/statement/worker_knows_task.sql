-- Whether any version knows a task. For runs whose own version does not: the answer says why they wait.
-- :environment_id text
-- :task text
-- -> exists boolean
-- Locks: none. Index: worker_pkey.
select exists (
    select
    from engine.worker as w
    where w.environment_id = :environment_id and w.tasks ? :task)
