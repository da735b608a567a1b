-- Moves the due time of a locked run. If the run is parked, its time to live begins when it enters its queue.
-- :shard smallint
-- :run_id text
-- :delay_until timestamptz
-- :queue_timestamp timestamptz
-- Locks: run state held by run_lock or run_lock_free; the run's row, its row in the list of parked runs. Index: run_pkey,
-- parked_pkey.
with parked as (
    update engine.parked as p
    set expires_at = null
    where p.shard = :shard and p.run_id = :run_id and p.expires_at is not null
)
update engine.run as r
set delay_until = :delay_until,
    queue_timestamp = :queue_timestamp
where r.shard = :shard and r.id = :run_id
