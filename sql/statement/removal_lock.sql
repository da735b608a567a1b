-- Locks the runs among these that have ended, except those that other sessions have locked.
-- :shard smallint
-- :run_ids text[]
-- Two array elements per span: the runs lie in these, and few others do.
-- :first_id text[]
-- :last_id text[]
-- -> run_id text, run_status text, ended_at timestamptz, has_waitpoint boolean, environment_id text, task text,
-- -> idempotency_key text null, parent_run_id text null, batch_id text null, keep_ms bigint null
-- Locks: run states, FOR UPDATE, SKIP LOCKED, in the order of the ids. Index: run_state_pkey, run_pkey.
select s.run_id, s.run_status::text, coalesce(s.completed_at, s.updated_at) as ended_at, s.has_waitpoint, r.environment_id, r.task,
       r.idempotency_key, r.parent_run_id, r.batch_id, s.keep_ms
from (
    select g.run_id
    from unnest(:run_ids) as g(run_id)
    order by g.run_id collate "C"
) as g
cross join lateral (
    select s.run_id, s.run_status, s.completed_at, s.updated_at, s.has_waitpoint, s.keep_ms
    from engine.run_state as s
    where s.shard = :shard and s.run_id = g.run_id and s.execution_status = 'FINISHED'
    for update skip locked
) as s
join (
    select r.id, r.environment_id, r.task, r.idempotency_key, r.parent_run_id, r.batch_id
    from unnest(:first_id, :last_id) as g(first_id, last_id)
    cross join lateral (
        select r.id, r.environment_id, r.task, r.idempotency_key, r.parent_run_id, r.batch_id
        from engine.run as r
        where r.shard = :shard and r.id >= g.first_id and r.id <= g.last_id
        offset 0
    ) as r
    offset 0
) as r on r.id = s.run_id
