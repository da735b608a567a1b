-- How large the tables of the queue are, their indexes apart, and how many dead tuples they hold.
select c.relname as name,
       pg_relation_size(c.oid) as table_bytes,
       pg_indexes_size(c.oid) as index_bytes,
       coalesce(pg_stat_get_dead_tuples(c.oid), 0) as dead_tuples
from pg_class as c
where c.relnamespace = 'engine'::regnamespace and c.relname in ('queue_item', 'run_state', 'heartbeat')
order by c.relname
