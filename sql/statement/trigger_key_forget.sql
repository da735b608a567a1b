-- Deletes keys that have expired; returns a row for each.
-- $1 smallint shard, $2 timestamptz now, $3 integer how many
-- Locks: the keys' rows, SKIP LOCKED. Index: trigger_key_expiry, trigger_key_pkey.
delete from engine.trigger_key as k
using (
    select o.kind, o.digest
    from engine.trigger_key as o
    where o.shard = $1 and o.expires_at < $2
    order by o.expires_at
    limit $3
    for update skip locked
) as expired
where k.shard = $1 and k.kind = expired.kind and k.digest = expired.digest
