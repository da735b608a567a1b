-- The runs that have these keys, in the given order; nulls if no run has one.
-- :kind text
-- One array element per key:
-- :shard smallint[]
-- :digest bytea[]
-- -> run_id text null, expires_at timestamptz null, snapshot_id text null, run_status text null,
-- -> execution_status text null, created_at timestamptz null, delay_until timestamptz null
-- Locks: none. Index: trigger_key_pkey, run_state_pkey, run_pkey.
select k.run_id, k.expires_at, s.snapshot_id, s.run_status::text, s.execution_status::text, r.created_at, r.delay_until
from unnest(:shard, :digest) with ordinality as g(shard, digest, place)
left join engine.trigger_key as k on k.shard = g.shard and k.kind = :kind and k.digest = g.digest
left join engine.run_state as s on s.shard = k.shard and s.run_id = k.run_id
left join engine.run as r on r.shard = k.shard and r.id = k.run_id
order by g.place
