-- The holder of a lock of the engine's own kind: of all such sessions, the one with the oldest transaction.
-- :class_id bigint
-- :object_id bigint
-- :sub_id integer
-- -> holder text
-- Locks: none. Index: none, the views read shared memory.
select pg_catalog.format('session %s (%s, %s), in a transaction since %s',
                         l.pid,
                         coalesce(nullif(a.application_name, ''), a.backend_type),
                         a.state,
                         pg_catalog.to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SSOF')) as holder
from pg_catalog.pg_locks as l
join pg_catalog.pg_stat_activity as a on a.pid = l.pid
join pg_catalog.pg_database as d on d.oid = l.database
where l.locktype = 'advisory'
  and d.datname = pg_catalog.current_database()
  and l.classid::bigint = :class_id and l.objid::bigint = :object_id and l.objsubid = :sub_id
  and l.granted
  and l.pid <> pg_catalog.pg_backend_pid()
order by a.xact_start
limit 1
