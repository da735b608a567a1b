-- Calls the tick; returns the number of items done.
-- :max_items integer: most rows
-- -> processed bigint
-- Locks: what the tick locks. Index: none of its own.
select coalesce(sum(t.processed), 0) as processed
from engine_tick(max_items => :max_items) as t
