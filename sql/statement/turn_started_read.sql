-- Runs that a turn has started, with the details that their worker needs.
-- :shard smallint
-- :run_ids text[]
-- -> the columns in columns/candidate.sql
-- Locks: none. Index: primary keys.
select :columns
from unnest(:run_ids) as g(run_id)
join engine.run_state as i on i.shard = :shard and i.run_id = g.run_id
join engine.dequeue_detail as d on d.shard = :shard and d.run_id = g.run_id
