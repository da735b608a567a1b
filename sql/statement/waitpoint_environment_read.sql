-- The environment of a waitpoint, which never changes.
-- :shard smallint
-- :waitpoint_id text
-- -> environment_id text
-- Locks: none. Index: waitpoint_pkey.
select w.environment_id
from engine.waitpoint as w
where w.shard = :shard and w.id = :waitpoint_id
