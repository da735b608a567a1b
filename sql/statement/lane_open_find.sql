-- Lanes whose queue no longer has a limit.
-- $1 smallint shard, $2 text environment id, $3 text[] queues that have a limit, $4 boolean whether all others have one,
-- $5 integer how many at most
-- Locks: none. Index: lane_pkey.
select distinct l.queue, l.concurrency_key
from engine.lane as l
where l.shard = $1 and l.environment_id = $2 and not ($4 or l.queue = any ($3))
limit $5
