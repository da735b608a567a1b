-- The next events after a position, in order. A row is returned once no row can appear in front of it any more: all
-- transactions before its horizon that may have drawn a position have ended. A horizon in the future comes from another
-- server, through a restore. Whether a row can be read is seen from rows of the same shards: those of others may have been numbered by
-- another database. The condition on shards is one for which no index is used: that by position is better.
-- :after bigint: after this event
-- :after_position bigint: rows after this position
-- :up_to_position bigint: rows up to this position
-- :max_events integer: most rows
-- :of_shard smallint: events of this shard, NULL for all
-- :away smallint[]: shards that are left out of all
-- :next_transaction bigint: the next transaction id
-- :oldest_transaction bigint: the oldest transaction that holds events back, NULL for the oldest running one
-- -> position bigint, name text, run_id text, time timestamptz, body jsonb
-- Locks: none. Index: snapshot_position, notice_position, then primary keys.
select e.position, e.name, e.run_id, e.time, e.body
from engine.unfiltered_event as e
where e.row_position > :after_position and e.row_position <= :up_to_position and e.position > :after
  and coalesce(e.shard = :of_shard, e.shard <> all (:away))
  and e.row_position <= (
    select max(w.position)
    from (
        select s.position, s.horizon
        from engine.snapshot as s
        where s.position > :after_position and s.position <= :up_to_position
          and coalesce(s.shard = :of_shard, s.shard <> all (:away))
        union all
        select n.position, n.horizon
        from engine.notice as n
        where n.position > :after_position and n.position <= :up_to_position
          and coalesce(n.shard = :of_shard, n.shard <> all (:away))
    ) as w
    where w.horizon <= coalesce(:oldest_transaction, pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint)
       or w.horizon > :next_transaction)
order by e.position
limit :max_events
