-- The runs among these with events that named readers hold: they have not read their rows, and the events are too young to
-- be removed before that.
-- :shard smallint
-- :run_ids text[]
-- Two array elements per reader:
-- :row_position bigint[]: the last row that it has read
-- :since timestamptz[]: what is older is not held
-- -> run_id text
-- Locks: none. Index: snapshot_run, notice_run.
select g.run_id
from unnest(:run_ids) as g(run_id)
where exists (
        select
        from engine.snapshot as s
        join unnest(:row_position, :since) as h(row_position, since) on s.position > h.row_position and s.created_at > h.since
        where s.shard = :shard and s.run_id = g.run_id)
   or exists (
        select
        from engine.notice as n
        join unnest(:row_position, :since) as h(row_position, since) on n.position > h.row_position and n.created_at > h.since
        where n.shard = :shard and n.run_id = g.run_id)
