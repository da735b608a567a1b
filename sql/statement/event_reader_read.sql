-- A named reader, where it lags most.
-- :name text
-- -> position bigint, max_lag_ms bigint, created_at timestamptz, acknowledged_at timestamptz null
-- Locks: none. Index: none, there are few readers.
select r.position, r.max_lag_ms, r.created_at, r.acknowledged_at
from engine.event_reader_position as r
where r.name = :name
order by r.position
limit 1
