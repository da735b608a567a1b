-- The last turn of a worker.
-- :shard smallint
-- :worker_id text
-- :runner_id text
-- :digest bytea: of the turn that it takes now
-- -> turn_id text, has_same_content boolean, refused jsonb null, run_ids text[], snapshot_ids text[], taken_at timestamptz
-- Locks: none; of two calls that take one turn, turn_write refuses one. Index: turn_pkey.
select t.turn_id, t.digest = :digest as has_same_content, t.refused, t.run_ids, t.snapshot_ids, t.taken_at
from engine.turn as t
where t.shard = :shard and t.worker_id = :worker_id and t.runner_id = :runner_id
