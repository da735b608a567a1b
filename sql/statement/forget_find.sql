-- What a caller that forgets runs is told of these, in the order of their ids.
-- :shard smallint
-- :run_ids text[]
-- -> id text, task text, environment_id text, run_status text, completed_at timestamptz null, snapshot_count bigint
-- Locks: none. Index: run_pkey, run_state_pkey, snapshot_run.
select r.id, r.task, r.environment_id, s.run_status::text, s.completed_at, (
           select count(*)
           from engine.snapshot as p
           where p.shard = :shard and p.run_id = r.id
       ) as snapshot_count
from unnest(:run_ids) as g(run_id)
join engine.run as r on r.shard = :shard and r.id = g.run_id
join engine.run_state as s on s.shard = r.shard and s.run_id = r.id
order by r.id
