-- Parked runs of an environment, first triggered first, after a given one.
-- :shard smallint
-- :environment_id text
-- :after_created_at timestamptz: when the given run was triggered
-- :after_run_id text: its id
-- :max_runs integer: most rows
-- -> run_id text, created_at timestamptz, task text, queue text, version text null
-- Locks: none. Index: parked_environment, run_pkey, run_state_pkey.
select p.run_id, p.created_at, r.task, r.queue, coalesce(s.version, r.version) as version
from (
    select p.run_id, p.created_at
    from engine.parked as p
    where p.shard = :shard and p.environment_id = :environment_id and (p.created_at, p.run_id) > (:after_created_at, :after_run_id)
    order by p.created_at, p.run_id
    limit :max_runs
) as p
join engine.run as r on r.shard = :shard and r.id = p.run_id
join engine.run_state as s on s.shard = :shard and s.run_id = p.run_id
order by p.created_at, p.run_id
