-- The transactions of this database that may have drawn positions and have not ended, including prepared ones: their ids,
-- without their epoch. A transaction that draws a position has an id and locks the table first (backend/position.rs). Locks:
-- none. Index: none, the view reads shared memory; once, so that a lock that moves while its transaction is prepared is not
-- missed.
-- -> transactionid bigint
with held as materialized (
    select l.locktype, l.database, l.relation, l.mode, l.virtualtransaction, l.transactionid
    from pg_catalog.pg_locks as l
    where l.granted and l.locktype in ('relation', 'transactionid')
)
select x.transactionid::text::bigint
from held as w
join held as x on x.virtualtransaction = w.virtualtransaction and x.locktype = 'transactionid' and x.mode = 'ExclusiveLock'
where w.locktype = 'relation'
  and w.relation = 'engine.snapshot'::regclass
  and w.database = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
  and w.mode = 'RowExclusiveLock'
