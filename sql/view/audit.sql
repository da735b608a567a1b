-- Actions that somebody took, for those who may read their environment, or all.
create view engine.audit with (security_barrier) as
select e.id, e.acted_at, e.actor, e.action, e.environment_id, e.arguments, e.role, e.session_role
from engine.audit_entry as e
where (select v.is_everywhere from engine.read_scope as v)
   or e.environment_id = any ((select v.environment_ids from engine.read_scope as v)::text[]);

comment on view engine.audit is 'Actions that somebody took: who, when, what; of sessions that set engine.actor, such as those of the dashboard';
comment on column engine.audit.action is 'The function that was called';
comment on column engine.audit.arguments is 'Its arguments, but for those that are as by default, payloads and other documents than filters';
comment on column engine.audit.role is 'The role that called';
comment on column engine.audit.session_role is 'The role with which its session had connected';
