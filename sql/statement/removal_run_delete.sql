-- Deletes runs and their states.
-- :shard smallint
-- :run_ids text[]
-- Locks: run states held by removal_lock; the runs' rows. Index: run_pkey, run_state_pkey.
with run as (
    delete from engine.run as r
    using unnest(:run_ids) as g(run_id)
    where r.shard = :shard and r.id = g.run_id
)
delete from engine.run_state as s
using unnest(:run_ids) as g(run_id)
where s.shard = :shard and s.run_id = g.run_id
