-- The environment of a batch, which never changes.
-- :shard smallint
-- :batch_id text
-- -> environment_id text
-- Locks: none. Index: batch_pkey.
select b.environment_id
from engine.batch as b
where b.shard = :shard and b.id = :batch_id
