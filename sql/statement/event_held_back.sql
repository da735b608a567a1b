-- Whether there is a row between two positions that cannot be read yet; with the conditions of event_read.
-- :after_position bigint: rows after this position
-- :up_to_position bigint: rows up to this position
-- :of_shard smallint: rows of this shard, NULL for all
-- :away smallint[]: shards that are left out of all
-- :next_transaction bigint: the next transaction id
-- :oldest_transaction bigint: the oldest transaction that holds events back, NULL for the oldest running one
-- -> exists boolean
-- Locks: none. Index: snapshot_position, notice_position.
select exists (
    select from (
        select s.horizon
        from engine.snapshot as s
        where s.position > :after_position and s.position <= :up_to_position
          and coalesce(s.shard = :of_shard, s.shard <> all (:away))
        union all
        select n.horizon
        from engine.notice as n
        where n.position > :after_position and n.position <= :up_to_position
          and coalesce(n.shard = :of_shard, n.shard <> all (:away))
    ) as w
    where w.horizon > coalesce(:oldest_transaction, pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint)
      and w.horizon <= :next_transaction)
