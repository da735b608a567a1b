-- Two commits: the latest snapshot of a run with its checkpoint and completed waitpoints; read first, and read back.
-- The last part of sql/statement/claim_lock.sql.
-- $1 smallint shard, $2 text run id
select p.id, p.ordinal, p.execution_status::text, p.run_status::text, p.attempt_number, p.description, p.batch_id,
       p.checkpoint_id, p.completed_waitpoint_ids, p.completed_waitpoint_order, p.created_at,
       (select k.entry from engine.checkpoint_entry as k where k.shard = $1 and k.id = p.checkpoint_id) as checkpoint,
       (select jsonb_agg(w.entry order by w.index)
        from engine.completed_waitpoint as w
        where p.completed_waitpoint_ids is not null and w.shard = $1 and w.run_id = p.run_id and w.ordinal = p.ordinal)
           as completed_waitpoints
from engine.snapshot as p
where p.shard = $1 and p.run_id = $2 and p.is_valid
order by p.ordinal desc
limit 1
