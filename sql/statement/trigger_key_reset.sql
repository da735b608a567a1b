-- Forgets a key.
-- :shard smallint
-- :kind text
-- :digest bytea
-- Locks: the key's row. Index: trigger_key_pkey.
delete from engine.trigger_key as k
where k.shard = :shard and k.kind = :kind and k.digest = :digest
