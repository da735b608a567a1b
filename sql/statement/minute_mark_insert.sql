-- Begins to gather the history by minutes, with the newest 20,000 events. The next gathering goes up to the present one.
-- :now timestamptz
-- Locks: the new row. Index: minute_mark_pkey.
insert into engine.minute_mark (gathered_position, next_position, marked_at, complete_since)
select greatest(0, p.last_value - 20000), p.last_value, :now, case when p.last_value > 20000 then :now end
from engine.event_position as p
where p.is_called
on conflict on constraint minute_mark_pkey do nothing
