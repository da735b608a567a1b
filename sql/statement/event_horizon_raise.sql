-- Raises the horizon of a shard to the last event that is removed.
-- :shard smallint
-- :position bigint: position of the event
-- :now timestamptz
-- Locks: the row; the lock of the sweep keeps other sessions away. Index: event_horizon_pkey.
insert into engine.event_horizon as h (shard, position, moved_at)
values (:shard, :position, :now)
on conflict (shard) do update set position = excluded.position, moved_at = excluded.moved_at
where h.position < excluded.position
