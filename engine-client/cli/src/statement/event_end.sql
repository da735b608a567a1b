-- Where events that are still to come begin.
select jsonb_build_object('position', e.position) as row
from engine.event_end as e
