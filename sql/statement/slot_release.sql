-- Notes slots that ended runs have given back, for the next claimer; returns the worker queue of each.
-- $1 smallint shard, $2 text[] run ids
-- Locks: the new rows. Index: run_pkey, release_environment.
with given_back as (
    select r.environment_id, r.queue, coalesce(r.concurrency_key, '') as concurrency_key, r.worker_queue
    from engine.run as r
    where r.shard = $1 and r.id = any ($2)
), release as (
    insert into engine.release (shard, environment_id, queue, concurrency_key)
    select $1, g.environment_id, g.queue, g.concurrency_key
    from given_back as g
)
select g.worker_queue
from given_back as g
