-- Two commits: the latest snapshot of a run; read first, and read back. What it carries is read if it carries something,
-- which none here does.
-- $1 smallint shard, $2 text run id
select p.id, p.ordinal, p.execution_status::text, p.run_status::text, p.attempt_number, p.description, p.batch_id,
       p.checkpoint_id, p.completed_waitpoint_ids, p.completed_waitpoint_order, p.created_at
from engine.history as p
where p.shard = $1 and p.run_id = $2 and p.is_valid
order by p.ordinal desc
limit 1
