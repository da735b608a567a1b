-- Writes a version of a worker.
-- :environment_id text
-- :version text
-- :image text
-- :tasks jsonb
-- :queues text[]
-- :now timestamptz
-- Locks: the version's row; the environment is held for setting. Index: worker_pkey, worker_newest.
insert into engine.worker as w (environment_id, version, is_current, registered_at, image, tasks, queues)
values (:environment_id, :version, false, :now, :image, :tasks, :queues)
on conflict (environment_id, version) do update
set registered_at = excluded.registered_at,
    image = excluded.image,
    tasks = excluded.tasks,
    queues = excluded.queues
