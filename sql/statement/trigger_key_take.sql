-- Transfers keys to other runs, compare-and-set on the current owner; returns the runs that took theirs.
-- :kind text
-- One array element per key:
-- :shard smallint[]
-- :digest bytea[]
-- :owner text[]: id of its current owner
-- :taker text[]: id of its new owner
-- :expires_at timestamptz[]: when it expires, or null
-- -> run_id text
-- Locks: the keys' rows, in the order of the digests; of two sessions that take the same key one waits, and takes nothing.
-- Index: trigger_key_pkey, trigger_key_expiry.
update engine.trigger_key as k
set run_id = g.taker,
    expires_at = g.expires_at
from (
    select g.shard, g.digest, g.owner, g.taker, g.expires_at
    from unnest(:shard, :digest, :owner, :taker, :expires_at) as g(shard, digest, owner, taker, expires_at)
    order by g.shard, g.digest
) as g
where k.shard = g.shard and k.kind = :kind and k.digest = g.digest and k.run_id = g.owner
returning k.run_id
