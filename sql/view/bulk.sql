-- Bulk actions, running and past. Runs that matched at the start and did not any more when their turn came count as skipped once it
-- is completed.
create view engine.bulk with (security_barrier) as
select 'bulk_' || b.id as bulk_id,
       b.action,
       b.filter,
       b.reason,
       b.state,
       b.created_by,
       b.created_at,
       b.total,
       b.done,
       case when b.state = 'COMPLETED' and b.is_total_exact then greatest(b.skipped, b.total - b.done - b.refused)
            else b.skipped
       end as skipped,
       b.refused,
       b.refused_by,
       b.finished_at,
       b.options,
       b.session_role,
       b.is_total_exact,
       b.worked_at
from engine.bulk_action as b
where (select v.is_everywhere from engine.read_scope as v)
   or b.environment_ids <@ (select v.environment_ids from engine.read_scope as v)::text[];

comment on view engine.bulk is 'Bulk actions, running and past: who, when, what, why, and how far each has come';
comment on column engine.bulk.state is 'RUNNING, STOPPED or COMPLETED';
comment on column engine.bulk.total is 'How many runs matched at its start; at least that many, unless is_total_exact';
comment on column engine.bulk.skipped is 'Runs that had moved on when their turn came';
comment on column engine.bulk.refused_by is 'How many runs were refused, by SQLSTATE';
comment on column engine.bulk.session_role is 'The role with which the session had connected that has started it';
