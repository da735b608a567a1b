-- How far the first copy of the tables has come, and whether it fails.
-- $1 text name of the subscription
select jsonb_build_object(
           'tables', count(*),
           'copied', count(*) filter (where r.srsubstate = 'r'),
           'rows', (
               select coalesce(sum(p.tuples_processed), 0)
               from pg_stat_progress_copy as p
               where p.datname = current_database()),
           'failures', (
               select s.apply_error_count + s.sync_error_count
               from pg_stat_subscription_stats as s
               where s.subname = $1)) as row
from pg_subscription as s
join pg_subscription_rel as r on r.srsubid = s.oid
where s.subname = $1 and s.subdbid = (select d.oid from pg_database as d where d.datname = current_database())
