-- The environment and the queue of a locked run.
-- :shard smallint
-- :run_id text
-- -> environment_id text, queue text
-- Locks: none; the run is locked. Index: run_pkey.
select r.environment_id, r.queue
from engine.run as r
where r.shard = :shard and r.id = :run_id
