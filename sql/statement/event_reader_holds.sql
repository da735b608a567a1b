-- What named readers hold on a shard: for each the last row that it has read, and its bound. A reader without a row of the
-- shard, which is newer than the reader, has not read more of it than of the others.
-- :shard smallint
-- -> row_position bigint, max_lag_ms bigint
-- Locks: none; a removal holds the lock of the sweep, and no reader is created meanwhile. Index: none, there are few readers.
select distinct on (r.name) r.row_position, r.max_lag_ms
from engine.event_reader_position as r
order by r.name, r.shard <> :shard, r.row_position
