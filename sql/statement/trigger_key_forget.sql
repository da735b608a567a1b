-- Deletes keys that have expired, on all shards that are served; returns a row for each.
-- :now timestamptz
-- :max_items integer: most rows
-- :unserved smallint[]: shards that are left alone
-- Locks: the keys' rows, SKIP LOCKED. Index: trigger_key_expiry, trigger_key_pkey.
delete from engine.trigger_key as k
using (
    select o.shard, o.kind, o.digest
    from engine.trigger_key as o
    where o.expires_at < :now and o.shard <> all (:unserved)
    order by o.expires_at
    limit :max_items
    for update skip locked
) as expired
where k.shard = expired.shard and k.kind = expired.kind and k.digest = expired.digest
