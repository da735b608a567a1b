-- Records the bulk action that a locked run was part of; a run remembers its first hundred.
-- :shard smallint
-- :run_id text
-- :bulk_action_id text
-- Locks: run state held by run_lock. Index: run_state_pkey.
update engine.run_state as s
set bulk_action_ids = s.bulk_action_ids || :bulk_action_id
where s.shard = :shard and s.run_id = :run_id
  and coalesce(cardinality(s.bulk_action_ids), 0) < 100
