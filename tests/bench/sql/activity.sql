-- What the sessions of this database do at this moment, those of the observers apart.
select case
           when a.state = 'active' then coalesce(a.wait_event_type || ':' || a.wait_event, 'CPU')
           when a.state like 'idle in transaction%' then 'between statements'
           else 'between calls'
       end as doing,
       count(*) as sessions
from pg_stat_activity as a
where a.datname = current_database() and a.backend_type = 'client backend' and a.application_name <> 'observer'
group by doing
