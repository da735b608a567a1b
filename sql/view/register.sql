-- What is registered and set, for those who look at it.

create view engine.environment_shard as
select e.id as environment_id, e.shard, e.archived_at is not null as is_archived
from engine.environment as e
union all
select 'default', 0::smallint, false
where not exists (select from engine.environment as e where e.id = 'default');

comment on view engine.environment_shard is 'Environments and the shards on which their runs live';

create view engine.shard_state as
select n.number as shard,
       coalesce(s.state, 'SERVING') as state,
       s.place,
       (select count(*) from engine.environment_shard as e where e.shard = n.number) as environment_count,
       coalesce(s.has_come, false) as has_come
from (
    select generate_series(0, 63)::smallint as number
    union
    select o.number
    from engine.shard as o
) as n
left join engine.shard as s on s.number = n.number;

comment on view engine.shard_state is 'Shards that this database serves, or that engine.shard has on record';

create view engine.queue_setting as
select q.environment_id, q.name as queue, q.concurrency_limit, q.override_limit, q.overridden_at, q.max_size, q.is_paused,
       q.paused_at, q.paused_by, q.pause_reason
from engine.queue as q;

comment on view engine.queue_setting is 'Configured queues, as they were set';

create view engine.worker_version as
select w.environment_id,
       w.version,
       w.is_current,
       w.registered_at,
       w.image,
       (select count(*) from jsonb_object_keys(w.tasks)) as task_count,
       cardinality(w.queues) as queue_count
from engine.worker as w;

comment on view engine.worker_version is 'Registered versions of workers';

create view engine.worker_state as
select nullif(w.environment_id, '') as environment_id,
       nullif(w.worker_id, '') as worker_id,
       nullif(w.runner_id, '') as runner_id,
       w.worker_queue,
       w.version,
       w.capacity,
       w.started_at,
       w.reported_at
from engine.worker_report as w;

comment on view engine.worker_state is 'Workers, as each last told of itself, also those that have nothing to do';
comment on column engine.worker_state.environment_id is 'The environment whose runs it executes; null for any';
comment on column engine.worker_state.capacity is 'How many runs it holds at once, at most';

create view engine.parked_run as
select p.shard, p.run_id, p.environment_id, p.created_at, p.expires_at, r.task, r.version
from engine.parked as p
join engine.run as r on r.shard = p.shard and r.id = p.run_id;

comment on view engine.parked_run is 'Runs that wait for a version, with the one that they ask for';

create view engine.schedule_detail as
select s.id as schedule_id,
       s.environment_id,
       s.task,
       s.cron,
       s.timezone,
       s.spread_window,
       s.is_active,
       s.external_id,
       s.last_nominal_at,
       s.next_nominal_at,
       s.next_effective_at,
       s.last_run_id,
       s.last_error,
       s.created_at
from engine.schedule as s;

comment on view engine.schedule_detail is 'Schedules, active or not, without payloads';
