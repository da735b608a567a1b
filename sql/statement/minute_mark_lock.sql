-- How far the history is gathered, if it is still time to gather more.
-- :now timestamptz
-- -> gathered_position bigint, next_position bigint, last_position bigint
-- Locks: the only row, SKIP LOCKED: another tick gathers. Index: none, it is one row.
select m.gathered_position, m.next_position, (select p.last_value from engine.event_position as p) as last_position
from engine.minute_mark as m
where m.marked_at <= :now - interval '10 seconds'
for no key update skip locked
