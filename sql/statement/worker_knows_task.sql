-- Whether any version knows a task. For runs whose own version does not: the answer says why they wait.
-- $1 text environment id, $2 text task
-- Locks: none. Index: worker_pkey.
select exists (
    select
    from engine.worker as w
    where w.environment_id = $1 and w.tasks ? $2)
