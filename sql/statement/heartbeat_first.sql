-- When the first visible deadline must be checked.
-- $1 smallint shard, $2 timestamptz from when on to look
-- Locks: none. Index: heartbeat_check.
select h.check_at
from engine.heartbeat as h
where h.shard = $1 and h.check_at >= $2
order by h.check_at
limit 1
