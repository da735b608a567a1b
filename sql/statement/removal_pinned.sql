-- The runs among these that something still needs: a child that is not among them, a parent that has not ended, a batch
-- that has not ended or whose parent has not, a run that waits, or has waited and has not ended. Where none of the spans has a
-- child, no run is asked for its own.
-- :shard smallint
-- One array element per run, locked by removal_lock, their waitpoints by waitpoint_lock_free:
-- :run_ids text[]
-- :parent_run_id text[]: null for none
-- :batch_id text[]: null for none
-- :has_waitpoint boolean[]
-- Two array elements per span: the runs lie in these, and few others do.
-- :first_id text[]
-- :last_id text[]
-- -> id text
-- Locks: none; read in a statement of its own after those locks. Index: primary keys, run_parent, waitpoint_run,
-- edge_waitpoint, waitpoint_history_pkey.
select r.id
from unnest(:run_ids, :parent_run_id, :batch_id, :has_waitpoint) as r(id, parent_run_id, batch_id, has_waitpoint)
where exists (
        select
        from unnest(:first_id, :last_id) as g(first_id, last_id)
        cross join lateral (
            select
            from engine.run as c
            where c.shard = :shard and c.parent_run_id >= g.first_id and c.parent_run_id <= g.last_id
            limit 1
        ) as c)
  and exists (
        select
        from engine.run as c
        where c.shard = :shard and c.parent_run_id = r.id
          and c.id not in (select o.run_id from unnest(:run_ids) as o(run_id)))
   or r.parent_run_id is not null and exists (
        select
        from engine.run_state as s
        where s.shard = :shard and s.run_id = r.parent_run_id and s.execution_status <> 'FINISHED')
   or r.batch_id is not null and exists (
        select
        from engine.batch as b
        left join engine.run_state as s on s.shard = b.shard and s.run_id = b.parent_run_id
        where b.shard = :shard and b.id = r.batch_id
          and (b.status not in ('COMPLETED', 'ABORTED') or s.execution_status <> 'FINISHED'))
   or r.has_waitpoint and exists (
        select
        from engine.waitpoint as w
        where w.shard = :shard and w.completed_by_run_id = r.id
          and (exists (select from engine.edge as e where e.shard = :shard and e.waitpoint_id = w.id)
               or exists (
                   select
                   from engine.waitpoint_history as h
                   join engine.run_state as s on s.shard = h.shard and s.run_id = h.run_id
                   where h.shard = :shard and h.waitpoint_id = w.id and s.execution_status <> 'FINISHED')))
