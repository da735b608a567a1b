-- Locks the runs among these that have ended, except those that other sessions have locked.
-- :shard smallint
-- :run_ids text[]
-- -> run_id text, run_status text, ended_at timestamptz, has_waitpoint boolean, environment_id text, task text,
-- -> idempotency_key text null, parent_run_id text null, batch_id text null
-- Locks: run states, FOR UPDATE, SKIP LOCKED, in the order of the ids. Index: run_state_pkey, run_pkey.
select s.run_id, s.run_status::text, coalesce(s.completed_at, s.updated_at) as ended_at, s.has_waitpoint, r.environment_id, r.task,
       r.idempotency_key, r.parent_run_id, r.batch_id
from (
    select g.run_id
    from unnest(:run_ids) as g(run_id)
    order by g.run_id collate "C"
) as g
cross join lateral (
    select s.*
    from engine.run_state as s
    where s.shard = :shard and s.run_id = g.run_id and s.execution_status = 'FINISHED'
    for update skip locked
) as s
cross join lateral (
    select r.environment_id, r.task, r.idempotency_key, r.parent_run_id, r.batch_id
    from engine.run as r
    where r.shard = :shard and r.id = s.run_id
    offset 0
) as r
