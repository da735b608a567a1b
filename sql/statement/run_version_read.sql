-- The versions that execute these runs, where they are known.
-- :shard smallint
-- :run_ids text[]
-- -> run_id text, version text
-- Locks: none. Index: run_state_pkey.
select s.run_id, s.version
from engine.run_state as s
where s.shard = :shard and s.run_id = any (:run_ids) and s.version is not null
