-- Whether a shard has events behind the last position drawn here, or has lost some there. It has brought them from another database,
-- and its next events would come before them.
-- :shard smallint
-- -> exists boolean
-- Locks: none. Index: snapshot_position, notice_position, event_horizon_pkey.
select exists (
    select
    from (
        select s.shard, s.position
        from engine.snapshot as s
        where s.position > (select q.last_value from engine.event_position as q)
        union all
        select n.shard, n.position
        from engine.notice as n
        where n.position > (select q.last_value from engine.event_position as q)
        union all
        -- Eight events have the position of one row.
        select h.shard, h.position / 8
        from engine.event_horizon as h
        where h.shard = :shard and h.position / 8 > (select q.last_value from engine.event_position as q)
        -- Without this the rows of the shard would be looked through.
        offset 0
    ) as w
    where w.shard = :shard)
