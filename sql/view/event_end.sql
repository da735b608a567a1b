-- Where a reader of events begins who wants only what is new.
create view engine.event_end as
select p.last_value * 8 + 7 as position
from engine.event_position as p;

comment on view engine.event_end is 'The position after which engine_events tells only what happens from now on: one row';
