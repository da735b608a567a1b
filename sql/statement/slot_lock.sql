-- Locks the deadlines of runs that are about to change them; returns whether the slot of each counts against a limit, and
-- whether giving it back leaves a note for the next dequeue (slot_release). A session that sets limits waits here, and then
-- sees the new state of the slot: so all are locked, not only those that count already.
-- :shard smallint
-- :run_ids text[]
-- -> run_id text, is_counted boolean, is_noted boolean
-- Locks: the deadlines' rows, in the order of their run ids, as slots_fit; the runs are locked. Index: heartbeat_pkey.
select h.run_id, h.is_counted, h.is_noted
from engine.heartbeat as h
where h.shard = :shard and h.run_id = any (:run_ids)
order by h.run_id
for no key update
