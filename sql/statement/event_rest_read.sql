-- Whether the row of an event has more events after it.
-- :position bigint: position of the event
-- :row_position bigint: position of its row
-- -> exists boolean
-- Locks: none. Index: snapshot_position, notice_position.
select exists (
    select from engine.unfiltered_event as e
    where e.row_position = :row_position and e.position > :position)
