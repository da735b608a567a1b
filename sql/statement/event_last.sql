-- The greatest position that was drawn.
-- Locks: none.
select q.last_value
from engine.event_position as q
