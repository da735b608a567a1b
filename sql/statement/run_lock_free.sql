-- Locks the runs among these that no other session has locked, and reads their state.
-- :shard smallint
-- :run_ids text[]
-- -> the columns in columns/run.sql
-- Locks: run states, SKIP LOCKED: the holder of a run is moving it.
-- One lateral lookup per id, in their order: a plan over the whole array may sort after it has locked, or scan the shard.
-- Index: run_state_pkey, run_pkey.
select :columns
from (
    select g.run_id
    from unnest(:run_ids) as g(run_id)
    order by g.run_id collate "C"
) as g
cross join lateral (
    select s.*
    from engine.run_state as s
    where s.shard = :shard and s.run_id = g.run_id
    for no key update skip locked
) as s
cross join lateral (
    select r.environment_type, r.batch_id
    from engine.run as r
    where r.shard = :shard and r.id = s.run_id
    offset 0
) as r
