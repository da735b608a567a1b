-- The greatest position drawn so far.
-- Locks: none.
select q.last_value
from engine.event_position as q
