-- Forgets a key.
-- $1 smallint shard, $2 text kind, $3 bytea digest
-- Locks: the key's row. Index: trigger_key_pkey.
delete from engine.trigger_key as k
where k.shard = $1 and k.kind = $2 and k.digest = $3
