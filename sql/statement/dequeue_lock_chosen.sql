-- Locks the runs that were chosen where there are limits, with the details that a worker needs.
-- :shard smallint
-- :run_ids text[]: run ids, in order
-- -> the columns in columns/candidate.sql
-- Locks: run states, SKIP LOCKED, as dequeue_lock; their lanes or mutex are held. Index: primary keys.
select :columns
from (
    select s.*, q.ordinal
    from unnest(:run_ids) with ordinality as q(run_id, ordinal)
    cross join lateral (
        select s.*
        from engine.run_state as s
        where s.shard = :shard and s.run_id = q.run_id and s.execution_status in ('QUEUED', 'QUEUED_EXECUTING')
        for no key update skip locked
    ) as s
) as i
cross join lateral (
    select d.*
    from engine.dequeue_detail as d
    where d.shard = :shard and d.run_id = i.run_id
    offset 0
) as d
order by i.ordinal
