-- Whether there is a row between two positions that cannot be read yet; with the conditions of event_read.
-- $1 bigint rows after this position, $2 bigint rows up to this position, $3 bigint the next transaction id,
-- $4 bigint the oldest transaction that holds events back, NULL for the oldest that runs
-- Locks: none. Index: snapshot_position, notice_pkey.
select exists (
    select from (
        select s.horizon
        from engine.snapshot as s
        where s.position > $1 and s.position <= $2
        union all
        select n.horizon
        from engine.notice as n
        where n.position > $1 and n.position <= $2
    ) as w
    where w.horizon > coalesce($4, pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint)
      and w.horizon <= $3)
