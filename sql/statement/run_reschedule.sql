-- Gives a locked run another time. One that waits for a version has so long again, from its new time on, as it comes to its queue.
-- $1 smallint shard, $2 text run id, $3 timestamptz delay until, $4 timestamptz queue timestamp
-- Locks: run state held by run_lock or run_lock_free; the run's row, its entry. Index: run_pkey, parked_pkey.
with parked as (
    update engine.parked as p
    set expires_at = null
    where p.shard = $1 and p.run_id = $2 and p.expires_at is not null
)
update engine.run as r
set delay_until = $3,
    queue_timestamp = $4
where r.shard = $1 and r.id = $2
