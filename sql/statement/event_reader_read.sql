-- A named reader, where it lags most.
-- :name text
-- Locks: none. Index: none, there are few readers.
select r.position, r.max_lag_ms, r.created_at, r.acknowledged_at
from engine.event_reader_position as r
where r.name = :name
order by r.position
limit 1
