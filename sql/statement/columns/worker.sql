-- Of a worker's version `w`.
-- -> version text, image text null, tasks jsonb, queues text[]
w.version, w.image, w.tasks, w.queues
