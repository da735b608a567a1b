-- Moves a named reader forward, never back.
-- :name text
-- :position bigint: the last event that it has handled
-- :row_position bigint: the last row that it has handled
-- :now timestamptz
-- Locks: its rows; waits for another acknowledgement. Index: none, there are few readers.
update engine.event_reader_position as r
set position = greatest(r.position, :position), row_position = greatest(r.row_position, :row_position), acknowledged_at = :now
where r.name = :name
