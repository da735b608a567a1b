-- Makes events that follow come after a position.
-- $1 bigint position
select jsonb_build_object('position', setval('engine.event_position', greatest(p.last_value, $1))) as row
from engine.event_position as p
