-- The greatest position drawn so far.
-- -> last_value bigint
-- Locks: none.
select q.last_value
from engine.event_position as q
