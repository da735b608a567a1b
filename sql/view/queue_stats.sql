-- The state of queues, for operators. Counts rows: there is no counter that could be wrong.
create view engine.unfiltered_key_stats as
select u.shard,
       u.environment_id,
       u.queue,
       nullif(u.concurrency_key, '') as concurrency_key,
       count(*) filter (where u.is_queued) as queued,
       count(*) filter (where u.is_queued and u.since <= (select t.now from engine.clock as t)) as due,
       count(*) filter (where not u.is_queued) as running,
       min(u.since) filter (where u.is_queued) as oldest_available_at
from (
    select i.shard, i.environment_id, i.queue, i.concurrency_key, true as is_queued, i.available_at as since
    from engine.queue_item as i
    union all
    select h.shard, h.environment_id, h.queue, h.concurrency_key, false, h.acquired_at
    from engine.heartbeat as h
    where h.holds_slot
) as u
group by u.shard, u.environment_id, u.queue, u.concurrency_key;

comment on view engine.unfiltered_key_stats is 'Queued and running runs per queue and concurrency key, of all environments';

create view engine.key_stats with (security_barrier) as
select s.shard, s.environment_id, s.queue, s.concurrency_key, s.queued, s.due, s.running, s.oldest_available_at
from engine.unfiltered_key_stats as s
where (select v.is_everywhere from engine.read_scope as v)
   or s.environment_id = any ((select v.environment_ids from engine.read_scope as v)::text[]);

comment on view engine.key_stats is 'Queued and running runs per queue and concurrency key';

create view engine.unfiltered_queue_stats as
select coalesce(s.environment_id, k.environment_id) as environment_id,
       coalesce(s.queue, k.name) as queue,
       coalesce(s.queued, 0) as queued,
       coalesce(s.due, 0) as due,
       coalesce(s.running, 0) as running,
       s.oldest_available_at,
       (select t.now from engine.clock as t) - s.oldest_available_at as oldest_age,
       coalesce(s.waiting_keys, 0) as waiting_keys,
       coalesce(k.override_limit, k.concurrency_limit) as concurrency_limit,
       k.max_size,
       coalesce(k.is_paused, false) as is_paused,
       k.paused_at,
       k.paused_by,
       k.pause_reason
from (
    select t.environment_id,
           t.queue,
           sum(t.queued)::bigint as queued,
           sum(t.due)::bigint as due,
           sum(t.running)::bigint as running,
           min(t.oldest_available_at) as oldest_available_at,
           count(*) filter (where t.concurrency_key is not null and t.queued > 0) as waiting_keys
    from engine.unfiltered_key_stats as t
    group by t.environment_id, t.queue
) as s
full join engine.queue as k on k.environment_id = s.environment_id and k.name = s.queue;

comment on view engine.unfiltered_queue_stats is 'Queues with runs or with settings, of all environments';

create view engine.queue_stats with (security_barrier) as
select s.environment_id, s.queue, s.queued, s.due, s.running, s.oldest_available_at, s.oldest_age, s.waiting_keys,
       s.concurrency_limit, s.max_size, s.is_paused, s.paused_at, s.paused_by, s.pause_reason
from engine.unfiltered_queue_stats as s
where (select v.is_everywhere from engine.read_scope as v)
   or s.environment_id = any ((select v.environment_ids from engine.read_scope as v)::text[]);

comment on view engine.queue_stats is 'Queues with runs or with settings: queued, due and running runs, age of the oldest, limit';
comment on column engine.queue_stats.due is 'Queued runs that can be dequeued now';
comment on column engine.queue_stats.paused_by is 'The role that paused it, or that gave the reason; null if it is not paused, or since before 0.2.0';
comment on column engine.queue_stats.waiting_keys is 'Concurrency keys that have queued runs';

create view engine.unfiltered_environment_stats as
select coalesce(s.environment_id, e.id) as environment_id,
       coalesce(e.type, 'PRODUCTION') as type,
       coalesce(s.queued, 0) as queued,
       coalesce(s.due, 0) as due,
       coalesce(s.running, 0) as running,
       s.oldest_available_at,
       (select t.now from engine.clock as t) - s.oldest_available_at as oldest_age,
       e.concurrency_limit,
       coalesce(e.burst_factor, 1) as burst_factor,
       coalesce(e.is_paused, false) as is_paused,
       e.archived_at is not null as is_archived,
       coalesce(e.shard, 0::smallint) as shard,
       e.paused_at,
       e.paused_by,
       e.pause_reason
from (
    select t.environment_id,
           sum(t.queued)::bigint as queued,
           sum(t.due)::bigint as due,
           sum(t.running)::bigint as running,
           min(t.oldest_available_at) as oldest_available_at
    from engine.unfiltered_key_stats as t
    group by t.environment_id
) as s
full join engine.environment as e on e.id = s.environment_id;

comment on view engine.unfiltered_environment_stats is 'Environments with runs or with settings, all of them';

create view engine.environment_stats with (security_barrier) as
select s.environment_id, s.type, s.queued, s.due, s.running, s.oldest_available_at, s.oldest_age, s.concurrency_limit,
       s.burst_factor, s.is_paused, s.is_archived, s.shard, s.paused_at, s.paused_by, s.pause_reason
from engine.unfiltered_environment_stats as s
where (select v.is_everywhere from engine.read_scope as v)
   or s.environment_id = any ((select v.environment_ids from engine.read_scope as v)::text[]);

comment on view engine.environment_stats is 'Environments with runs or with settings: queued, due and running runs, age of the oldest, limit';
comment on column engine.environment_stats.paused_by is 'The role that paused it, or that gave the reason; null if it is not paused, or since before 0.2.0';
