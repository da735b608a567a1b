-- Creates a named reader on the shards where it has no row.
-- :shards smallint[]
-- :name text
-- :position bigint: the last event that it has read
-- :row_position bigint: the last row that it has read
-- :max_lag_ms bigint: its bound (ms)
-- :now timestamptz
-- Locks: the new rows; the lock of the sweep is shared. Index: event_reader_position_pkey.
insert into engine.event_reader_position as r (shard, name, position, row_position, max_lag_ms, created_at)
select s.shard, :name, :position, :row_position, :max_lag_ms, :now
from unnest(:shards) as s(shard)
on conflict (shard, name) do nothing
