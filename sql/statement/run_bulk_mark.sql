-- Records the bulk action that runs were part of; a run remembers its first hundred.
-- :shard smallint
-- :run_ids text[]
-- :bulk_action_id text
-- Locks: run states held by run_lock_free, or of new runs. Index: run_state_pkey.
update engine.run_state as s
set bulk_action_ids = s.bulk_action_ids || :bulk_action_id
where s.shard = :shard and s.run_id = any (:run_ids) and coalesce(cardinality(s.bulk_action_ids), 0) < 100
