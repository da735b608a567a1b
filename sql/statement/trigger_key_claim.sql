-- Takes keys for new runs, each if no run has it; returns the runs that took theirs. Of two concurrent triggers one waits
-- here until the other one has committed, and takes nothing, or has rolled back. In a stricter isolation level than READ
-- COMMITTED a key taken since this transaction began is a serialization failure.
-- :kind text
-- One array element per key:
-- :shard smallint[]
-- :digest bytea[]
-- :run_id text[]
-- :expires_at timestamptz[]: when it expires, or null
-- -> run_id text
-- Locks: the new rows, in the order of the digests: two calls with the same keys do not wait for each other.
-- Index: trigger_key_pkey, trigger_key_expiry.
insert into engine.trigger_key (shard, kind, digest, run_id, expires_at)
select g.shard, :kind, g.digest, g.run_id, g.expires_at
from unnest(:shard, :digest, :run_id, :expires_at) as g(shard, digest, run_id, expires_at)
order by g.shard, g.digest
on conflict (shard, kind, digest) do nothing
returning run_id
