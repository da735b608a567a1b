-- Notes which of the counted slots that are given back the next dequeue should look at; returns the environment and the
-- worker queue of each slot.
-- $1 smallint shard, $2 text[] run ids, $3 boolean[] whether each is noted
-- Locks: the new rows. Index: run_pkey, release_environment.
with given_back as (
    select r.environment_id, r.queue, coalesce(r.concurrency_key, '') as concurrency_key, r.worker_queue, g.is_noted
    from unnest($2, $3) as g(run_id, is_noted)
    join engine.run as r on r.shard = $1 and r.id = g.run_id
), release as (
    insert into engine.release (shard, environment_id, queue, concurrency_key)
    select $1, g.environment_id, g.queue, g.concurrency_key
    from given_back as g
    where g.is_noted
)
select g.environment_id, g.worker_queue
from given_back as g
