-- The order of a locked run in its queue, and when it expires there.
-- :shard smallint
-- :run_id text
-- -> available_at timestamptz, expires_at timestamptz null
-- Locks: none; the run is locked. Index: queue_item_pkey.
select i.available_at, i.expires_at
from engine.queue_item as i
where i.shard = :shard and i.run_id = :run_id
