-- Changes the bound of a named reader.
-- :name text
-- :max_lag_ms bigint: its bound (ms)
-- Locks: its rows; waits. Index: none, there are few readers.
update engine.event_reader_position as r
set max_lag_ms = :max_lag_ms
where r.name = :name and r.max_lag_ms <> :max_lag_ms
