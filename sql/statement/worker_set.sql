-- Writes a version of a worker.
-- $1 text environment id, $2 text version, $3 text image, $4 jsonb tasks, $5 text[] queues, $6 timestamptz now
-- Locks: the version's row; the environment is held for setting. Index: worker_pkey, worker_newest.
insert into engine.worker as w (environment_id, version, is_current, registered_at, image, tasks, queues)
values ($1, $2, false, $6, $3, $4, $5)
on conflict (environment_id, version) do update
set registered_at = excluded.registered_at,
    image = excluded.image,
    tasks = excluded.tasks,
    queues = excluded.queues
