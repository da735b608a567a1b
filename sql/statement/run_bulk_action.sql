-- Records the bulk action that a locked run was part of; a run remembers its first hundred.
-- $1 smallint shard, $2 text run id, $3 text bulk action id
-- Locks: run state held by run_lock. Index: run_state_pkey.
update engine.run_state as s
set bulk_action_ids = s.bulk_action_ids || $3
where s.shard = $1 and s.run_id = $2
  and coalesce(cardinality(s.bulk_action_ids), 0) < 100
