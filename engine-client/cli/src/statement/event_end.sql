-- The position after which future events begin.
select jsonb_build_object('position', e.position) as row
from engine.event_end as e
