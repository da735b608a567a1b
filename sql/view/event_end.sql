-- Where a reader starts that wants only new events. A sequence that was never drawn from also has a last value.
create view engine.event_end as
select case when p.is_called then p.last_value * 8 + 7 else 0 end as position
from engine.event_position as p;

comment on view engine.event_end is 'The position after which engine_events returns only new events: one row';
