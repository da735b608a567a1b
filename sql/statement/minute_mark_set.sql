-- Notes how far the history is gathered, and up to where it is next time: what commits late is there by then.
-- :gathered_position bigint
-- :next_position bigint
-- :now timestamptz
-- Locks: the only row, held by minute_mark_lock. Index: none, it is one row.
update engine.minute_mark as m
set gathered_position = :gathered_position,
    next_position = :next_position,
    marked_at = :now
