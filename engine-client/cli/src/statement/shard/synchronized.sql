-- How far the first copy of the tables has come, and whether it fails. A table that is copied and has to catch up needs its slot.
-- $1 text name of the subscription
select jsonb_build_object(
           'tables', count(*),
           'copied', count(*) filter (where r.srsubstate = 'r'),
           'slots', coalesce(
               jsonb_agg(format('pg_%s_sync_%s_%s', s.oid, r.srrelid, c.system_identifier)) filter (where r.srsubstate = 'f'), '[]'),
           'rows', (
               select coalesce(sum(p.tuples_processed), 0)
               from pg_stat_progress_copy as p
               where p.datname = current_database()),
           'failures', (
               select e.apply_error_count + e.sync_error_count
               from pg_stat_subscription_stats as e
               where e.subname = $1)) as row
from pg_subscription as s
join pg_subscription_rel as r on r.srsubid = s.oid
cross join pg_control_system() as c
where s.subname = $1 and s.subdbid = (select d.oid from pg_database as d where d.datname = current_database())
