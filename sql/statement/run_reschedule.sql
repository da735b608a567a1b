-- Moves the due time of a locked run.
-- $1 smallint shard, $2 text run id, $3 timestamptz delay until, $4 timestamptz queue timestamp
-- Locks: run state held by run_lock or run_lock_free; the run's row. Index: run_pkey.
update engine.run as r
set delay_until = $3,
    queue_timestamp = $4
where r.shard = $1 and r.id = $2
