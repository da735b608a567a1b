-- Advice about rights. A call needs two things: the capability, of which engine.grant knows, and the right of Postgres to execute
-- the function, which comes with it. Roles that have only one of them are found.
create view engine.right_advice as
with ticker as materialized (
    select t.role
    from (
        select nullif(current_setting('engine.database', true), '') as database, nullif(current_setting('engine.role', true), '') as role
    ) as t
    where t.role is not null and t.database = current_database() and not pg_is_in_recovery()
), routine as materialized (
    select p.oid, p.proname::text as name, p.proowner, p.proacl
    from pg_extension as x
    join pg_depend as d on d.refclassid = 'pg_extension'::regclass and d.refobjid = x.oid and d.deptype = 'e'
    join pg_proc as p on d.classid = 'pg_proc'::regclass and p.oid = d.objid
    where x.extname = 'engine'
), lacking as (
    -- One function stands for each capability. Superusers and members of the owner need none.
    select coalesce(r.rolname::text, 'public') as role, c.capability, p.name
    from (values
        ('engine_trigger', 'trigger', array['trigger']),
        ('engine_dequeue', 'work', array['work']),
        ('engine_complete_waitpoint', 'wait', array['wait']),
        ('engine_events', 'read', array['read']),
        ('engine_set_queue', 'operate', array['operate']),
        ('engine_tick', 'tick', array['tick', 'operate'])
    ) as c(name, capability, any_of)
    join routine as p on p.name = c.name
    cross join lateral aclexplode(p.proacl) as a
    left join pg_roles as r on r.oid = a.grantee
    where a.privilege_type = 'EXECUTE' and not pg_has_role(a.grantee, p.proowner, 'usage')
      and not exists (
              select from engine.grant as g
              where g.capability = any (c.any_of) and (g.role = 0::regrole or pg_has_role(a.grantee, g.role, 'usage')))
), worker_role as (
    -- The narrowest command grants again what it was granted.
    select r.oid, r.rolname::text as role, min(g.environment_id) as environment_id
    from engine.grant as g
    join pg_roles as r on r.oid = g.role
    where g.capability = 'work'
    group by r.oid, r.rolname
), missing as (
    -- What a role that dequeues must be able to do, by one function or another; and what a worker of engine-client calls, which
    -- starts, beats and ends many runs together.
    select w.role, w.environment_id, n.is_problem, string_agg(n.name, ', ' order by n.name) as names
    from worker_role as w
    cross join (
        values (true, 'engine_start_attempt', array['engine_start_attempt', 'engine_start_many', 'engine_work']),
               (true, 'engine_heartbeat', array['engine_heartbeat', 'engine_heartbeat_many', 'engine_work']),
               (true, 'engine_complete_attempt', array['engine_complete_attempt', 'engine_complete_many', 'engine_succeed', 'engine_work']),
               (false, 'engine_work', array['engine_work']),
               (false, 'engine_wait', array['engine_wait']),
               (false, 'engine_moved', array['engine_moved']),
               (false, 'engine_report_worker', array['engine_report_worker']),
               (false, 'engine_release', array['engine_release'])
    ) as n(is_problem, name, any_of)
    where not exists (
              select from routine as p
              where p.name = any (n.any_of) and has_function_privilege(w.oid, p.oid, 'execute'))
      and (n.is_problem or 3 = (
              select count(*) from routine as p
              where p.name in ('engine_start_many', 'engine_heartbeat_many', 'engine_complete_many')
                and has_function_privilege(w.oid, p.oid, 'execute')))
    group by w.role, w.environment_id, n.is_problem
), useless as (
    -- A capability whose functions a role may not execute, none of them. What it may read is in views as well.
    select r.rolname::text as role, g.capability, min(g.environment_id) as environment_id
    from engine.grant as g
    join pg_roles as r on r.oid = g.role
    join (values
        ('trigger', array['engine_trigger', 'engine_trigger_many', 'engine_create_batch', 'engine_add_to_batch', 'engine_seal_batch',
                          'engine_replay', 'engine_reset_idempotency_key', 'engine_cancel', 'engine_reschedule', 'engine_run_result']),
        ('wait', array['engine_complete_waitpoint', 'engine_create_manual_waitpoint', 'engine_create_datetime_waitpoint', 'engine_waitpoint_data']),
        ('read', array['engine_run_result', 'engine_waitpoint_data', 'engine_batch_data', 'engine_execution_data', 'engine_snapshots_since',
                       'engine_upcoming_runs', 'engine_retention', 'engine_events', 'engine_event_reader', 'engine_event_ack',
                       'engine_delete_event_reader', 'engine_check', 'engine_doctor', 'engine_metrics']),
        ('operate', array['engine_replay', 'engine_create_cancelled_run', 'engine_create_failed_run', 'engine_cancel', 'engine_redrive',
                          'engine_forget', 'engine_bulk', 'engine_bulk_stop', 'engine_set_environment', 'engine_set_queue', 'engine_set_quota', 'engine_set_machine',
                          'engine_set_shard',
                          'engine_register_worker', 'engine_promote_worker', 'engine_set_schedule', 'engine_run_schedule', 'engine_delete_schedule',
                          'engine_upcoming_runs', 'engine_set_retention', 'engine_delete_retention', 'engine_retention',
                          'engine_set_test_clock', 'engine_check', 'engine_doctor', 'engine_metrics', 'engine_sweep', 'engine_tick',
                          'engine_lead']),
        ('tick', array['engine_tick', 'engine_sweep', 'engine_lead'])
    ) as c(capability, names) on c.capability = g.capability
    where not exists (select from routine as p where p.name = any (c.names) and has_function_privilege(r.oid, p.oid, 'execute'))
      and not (g.capability = 'read' and has_table_privilege(r.oid, 'engine.run_overview', 'select'))
      and not exists (select from ticker as t where t.role = r.rolname and g.capability = 'tick')
    group by r.rolname, g.capability
)
select true as is_problem,
       'right' as kind,
       t.role as subject,
       format('Role "%s" is to call the tick, and %s.', t.role,
              case when r.oid is null then 'does not exist'
                   when r.rolsuper then 'is a superuser'
                   else 'may not call engine_tick' end) as detail,
       'Name a role in engine.role that has the capability tick, and is not a superuser.' as hint,
       case when r.oid is null then format('create role %I login', t.role)
            when r.rolsuper then format('alter role %I nosuperuser', t.role)
            else format('select engine_grant(%L, ''tick'')', t.role) end as command,
       null::interval as age
from ticker as t
left join pg_roles as r on r.rolname = t.role
where r.oid is null or r.rolsuper
   or not exists (select from routine as p where p.name = 'engine_tick' and has_function_privilege(r.oid, p.oid, 'execute'))
   or not exists (
       select from engine.grant as g
       where g.capability in ('tick', 'operate') and (g.role = 0::regrole or pg_has_role(r.oid, g.role, 'usage')))
union all
select true, 'right', l.role,
       format('Role "%s" may execute %s, and lacks the capability: %s. The calls are refused.', l.role,
              string_agg(l.name, ', ' order by l.name), string_agg(l.capability, ', ' order by l.name)),
       'Grant it the capability, for the environments that it needs.',
       format('select engine_grant(%L, capability) from unnest(%L::text[]) as capability', l.role, array_agg(l.capability order by l.name)),
       null
from lacking as l
where not exists (select from ticker as t where t.role = l.role and l.capability = 'tick')
group by l.role
union all
select m.is_problem, 'right', m.role,
       format('Role "%s" has the capability work, and may not execute: %s.%s', m.role, m.names,
              case when m.is_problem then ' Runs that it dequeues stall.' else '' end),
       'Grant it the capability again: the rights to execute its functions come with it.',
       format('select engine_grant(%L, ''work'', %L)', m.role, m.environment_id),
       null
from missing as m
union all
select true, 'right', u.role,
       format('Role "%s" has the capability %s, and may execute none of its functions.', u.role, u.capability),
       'Grant it the capability again: the rights to execute its functions come with it.',
       format('select engine_grant(%L, %L, %L)', u.role, u.capability, u.environment_id),
       null
from useless as u;

comment on view engine.right_advice is 'Part of engine.advice: roles that lack a capability, or the right to execute its functions';
