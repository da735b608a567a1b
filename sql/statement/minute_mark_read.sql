-- Whether it is time to gather more of the history: there is more, and ten seconds have passed.
-- :now timestamptz
-- -> is_due boolean
-- Locks: none. Index: none, it is one row.
select m.marked_at <= :now - interval '10 seconds'
       and (m.next_position <> m.gathered_position or m.next_position <> (select p.last_value from engine.event_position as p)) as is_due
from engine.minute_mark as m
