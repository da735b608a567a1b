-- Who calls the tick, as far as the role may see it, and when a tick has last gathered the history of what happened.
select jsonb_build_object(
           'leader', l.pid,
           'application', (select nullif(a.application_name, '') from pg_stat_activity as a where a.pid = l.pid),
           'is_worker', exists (
                select from pg_stat_activity as a
                where a.backend_type = 'engine tick' and a.datname = current_database()),
           'gathered_at', (select m.marked_at from engine.minute_reach as m)) as row
from (
    -- The kind of the lock of engine_lead (engine-ext/src/backend/locks.rs).
    select min(k.pid) as pid
    from pg_locks as k
    where k.locktype = 'advisory' and k.objsubid = 17668 and k.granted
      and k.database = (select d.oid from pg_database as d where d.datname = current_database())
) as l
