-- A run as it was triggered, for one that replays it: core picks the options that a replay takes over.
-- :shard smallint
-- :run_id text
-- -> run jsonb
-- Locks: none. Index: run_pkey, run_state_pkey.
select to_jsonb(r) || jsonb_build_object('keep', s.keep_ms / 1000) as run
from engine.run as r
join engine.run_state as s on s.shard = r.shard and s.run_id = r.id
where r.shard = :shard and r.id = :run_id
