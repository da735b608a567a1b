-- Moves the due time of a locked run.
-- :shard smallint
-- :run_id text
-- :delay_until timestamptz
-- :queue_timestamp timestamptz
-- Locks: run state held by run_lock or run_lock_free; the run's row. Index: run_pkey.
update engine.run as r
set delay_until = :delay_until,
    queue_timestamp = :queue_timestamp
where r.shard = :shard and r.id = :run_id
