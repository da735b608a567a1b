-- Notes an action. Some of those that are older than a year are forgotten.
-- :now timestamptz
-- :actor text: who acts, in the words of the session
-- :role text: role that calls
-- :action text: the function
-- :environment_id text: the environment that it names, or null
-- :shard smallint: that of the run that it names, or null
-- :run_id text: the run that it names, or null
-- :schedule_id text: the schedule that it names, or null
-- One array element per argument:
-- :parameter text[]
-- :value text[]
-- Locks: the new row, and old ones that no other session forgets. Index: audit_entry_pkey, audit_entry_time, run_pkey, schedule_pkey.
with old as (
    select o.id
    from engine.audit_entry as o
    where o.acted_at < :now - interval '1 year'
    order by o.acted_at
    limit 100
    for update skip locked
), forgotten as (
    delete from engine.audit_entry as e
    where e.id = any (array(select o.id from old as o))
)
insert into engine.audit_entry (acted_at, actor, role, session_role, action, environment_id, arguments)
select :now, :actor, :role, session_user::text, :action,
       coalesce(
           :environment_id,
           (select r.environment_id from engine.run as r where r.shard = :shard and r.id = :run_id),
           (select s.environment_id from engine.schedule as s where s.id = :schedule_id)),
       coalesce((
           select jsonb_object_agg(a.parameter, a.value)
           from unnest(:parameter, :value) as a(parameter, value)), '{}')
