-- The database, the role, and what the role may do. One row.
select jsonb_build_object(
           'now', c.now,
           'database', current_database(),
           'server', host(inet_server_addr()),
           'role', current_user,
           'version', engine_version(),
           'is_standby', pg_is_in_recovery(),
           'is_owner', o.is_owner,
           'operates', exists (
                select from engine.permission as p
                where p.role in (current_user, 'public') and p.capability = 'operate' and p.environment_id = '*'),
           'triggers_in', (
                select coalesce(jsonb_agg(distinct p.environment_id), '[]')
                from engine.permission as p
                where p.role in (current_user, 'public') and p.capability = 'trigger'),
           'sees_payloads', has_column_privilege('engine.run', 'payload', 'select')
                            and has_column_privilege('engine.run', 'id', 'select')
                            and has_column_privilege('engine.run', 'shard', 'select'),
           'environments', (
                select jsonb_agg(e.environment_id order by e.environment_id)
                from engine.environment_shard as e
                where not e.is_archived),
           'failures', 0,
           'bulk_running', 0) as row
from (
    select clock_timestamp() as now
) as c
cross join (
    select coalesce(bool_or(pg_has_role(p.proowner, 'usage')), false) as is_owner
    from pg_proc as p
    where p.proname = 'engine_redrive'
) as o
