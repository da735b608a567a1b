-- When the first visible deadline must be checked.
-- :low timestamptz: time to begin at
-- -> check_at timestamptz
-- Locks: none. Index: heartbeat_check.
select h.check_at
from engine.heartbeat as h
where h.check_at >= :low
order by h.check_at
limit 1
