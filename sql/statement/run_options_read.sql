-- A run as it was triggered, for one that replays it: core picks the options that a replay takes over.
-- :shard smallint
-- :run_id text
-- -> run jsonb
-- Locks: none. Index: run_pkey.
select to_jsonb(r) as run
from engine.run as r
where r.shard = :shard and r.id = :run_id
