-- A run on one line, for psql. One run is found by its run_id, as keys are: in each shard, and without reading the others.
create view engine.run_overview with (security_barrier) as
select 'run_' || r.id as run,
       r.task,
       r.queue,
       r.environment_id,
       s.run_status,
       s.execution_status,
       s.attempt_number,
       coalesce(s.queue_attempts, 0) as queue_attempts,
       h.deadline_at as heartbeat_deadline_at,
       i.available_at,
       r.created_at,
       s.updated_at,
       s.completed_at,
       r.id as run_id
from (
    select e.shard
    from engine.environment as e
    union
    select 0::smallint
) as d
join engine.run as r on r.shard = d.shard
join engine.run_state as s on s.shard = r.shard and s.run_id = r.id
left join engine.heartbeat as h on h.shard = r.shard and h.run_id = r.id
left join engine.queue_item as i on i.shard = r.shard and i.run_id = r.id
where (select v.is_everywhere from engine.read_scope as v)
   or r.environment_id = any ((select v.environment_ids from engine.read_scope as v)::text[]);

comment on view engine.run_overview is 'Runs, one line each: status, attempts, deadline, queue order';
