-- Locks the next due runs.
-- $1 text worker queue, $2 bigint most runs
select s.run_id, s.snapshot_id, s.snapshot_ordinal, s.attempt_number, s.max_attempts, d.task, d.payload, d.payload_type, d.queue,
       d.metadata, d.tags, d.trace_context, d.environment_id, d.created_at
from (
    select q.run_id
    from floor.queue_item as q
    where q.shard = 0 and q.worker_queue = $1 and q.environment_id = 'default' and not q.is_filed and q.is_ahead = false
      and q.available_at <= now() and (q.expires_at is null or q.expires_at > now())
    order by q.available_at, q.run_id
    for update skip locked
) as q
cross join lateral (
    select s.*
    from floor.run_state as s
    where s.shard = 0 and s.run_id = q.run_id and s.execution_status = 'QUEUED'
    for no key update skip locked
) as s
cross join lateral (
    select d.*
    from floor.run as d
    where d.shard = 0 and d.id = s.run_id
    offset 0
) as d
limit $2
