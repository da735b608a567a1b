-- The last position that was given to an event.
select jsonb_build_object('position', p.last_value) as row
from engine.event_position as p
