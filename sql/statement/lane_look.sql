-- Makes dequeues look at closed lanes again, as the release of a slot does: this only adds rows, and never waits.
-- $1 smallint shard, $2 text environment id, $3 text queue or null for every queue of the environment, $4 bigint how many at
-- most, null for all
-- Locks: none. Index: lane_pkey.
insert into engine.release (shard, environment_id, queue, concurrency_key)
select $1, $2, l.queue, l.concurrency_key
from engine.lane as l
where l.shard = $1 and l.environment_id = $2 and ($3::text is null or l.queue = $3) and not l.is_open
limit $4
