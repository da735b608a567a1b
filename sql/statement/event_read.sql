-- The next events after a position, in order. A row is returned once no row can appear in front of it any more: all
-- transactions before its horizon that may have drawn a position have ended. A horizon in the future comes from another
-- server, through a restore.
-- $1 bigint after this event, $2 bigint rows after this position, $3 bigint rows up to this position, $4 integer how many,
-- $5 bigint the next transaction id, $6 bigint the oldest transaction that holds events back, NULL for the oldest that runs
-- Locks: none. Index: snapshot_position, notice_pkey, then primary keys.
select e.position, e.name, e.run_id, e.time, e.body
from engine.event as e
where e.row_position > $2 and e.row_position <= $3 and e.position > $1
  and e.row_position <= (
    select max(w.position)
    from (
        select s.position, s.horizon
        from engine.snapshot as s
        where s.position > $2 and s.position <= $3
        union all
        select n.position, n.horizon
        from engine.notice as n
        where n.position > $2 and n.position <= $3
    ) as w
    where w.horizon <= coalesce($6, pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint)
       or w.horizon > $5)
order by e.position
limit $4
