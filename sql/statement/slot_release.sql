-- Notes which of the counted slots that are given back the next dequeue should look at; returns the environment and the
-- worker queue of each slot.
-- :shard smallint
-- :run_ids text[]
-- :whether_each_is_noted boolean[]
-- -> environment_id text, worker_queue text
-- Locks: the new rows. Index: run_pkey, release_environment.
with given_back as (
    select r.environment_id, r.queue, coalesce(r.concurrency_key, '') as concurrency_key, r.worker_queue, g.is_noted
    from unnest(:run_ids, :whether_each_is_noted) as g(run_id, is_noted)
    join engine.run as r on r.shard = :shard and r.id = g.run_id
), release as (
    insert into engine.release (shard, environment_id, queue, concurrency_key)
    select :shard, g.environment_id, g.queue, g.concurrency_key
    from given_back as g
    where g.is_noted
)
select g.environment_id, g.worker_queue
from given_back as g
