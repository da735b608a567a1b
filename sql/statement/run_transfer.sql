-- Changes the queue of a locked run, or its priority.
-- :shard smallint
-- :run_id text
-- :queue text: null keeps it, as the next one
-- :priority_ms bigint
-- Locks: run state held by run_lock_free; the run's row. Index: run_pkey.
update engine.run as r
set queue = coalesce(:queue, r.queue),
    priority_ms = case when :priority_ms is null then r.priority_ms else nullif(:priority_ms, 0) end
where r.shard = :shard and r.id = :run_id
