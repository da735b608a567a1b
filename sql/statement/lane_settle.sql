-- Brings lanes up to date after a dequeue: items that cannot start are filed, releases that were considered are deleted, and
-- each lane records whether it has a free slot and since when its first item waits; a lane without items is deleted. This
-- reads newer rows than the dequeue chose by: a slot that was given back in between is seen with its release.
-- :shard smallint
-- :environment_id text
-- :blocked_run_ids text[]: run ids of items to be filed
-- One array element per lane:
-- :queue text[]
-- :concurrency_key text[]
-- :cap integer[]: its limit
-- :is_unfitted boolean: whether rows are not adapted to the limits yet: then slots without the mark count too
-- Locks: items, SKIP LOCKED: a dequeue with earlier settings, from when the queue had no limit, may hold some of them;
-- lanes, releases, which belong to this dequeue. Index: queue_item_pkey, queue_item_lane, lane_pkey, lane_open,
-- heartbeat_counted, release_environment.
with given as materialized (
    select g.queue, g.concurrency_key, g.cap = 2147483647 or g.cap > (
               select count(*)
               from (
                   select
                   from engine.heartbeat as h
                   where h.shard = :shard and h.environment_id = :environment_id and h.queue = g.queue
                     and h.concurrency_key = g.concurrency_key and h.is_counted
                   union all
                   select
                   from engine.heartbeat as h
                   where :is_unfitted and h.shard = :shard and h.environment_id = :environment_id and h.queue = g.queue
                     and h.concurrency_key = g.concurrency_key and h.holds_slot and not h.is_counted
                   limit g.cap) as held) as is_open
    from unnest(:queue, :concurrency_key, :cap) as g(queue, concurrency_key, cap)
), release as (
    delete from engine.release as r
    using given as g
    where r.environment_id = :environment_id and r.queue = g.queue and r.concurrency_key = g.concurrency_key
), filed as (
    update engine.queue_item as i
    set is_filed = true
    from (
        select o.run_id
        from engine.queue_item as o
        where o.shard = :shard and o.run_id = any (:blocked_run_ids)
        for update skip locked
    ) as free
    where i.shard = :shard and i.run_id = free.run_id
    returning i.queue, i.concurrency_key, i.worker_queue, i.available_at
), head as materialized (
    select w.queue, w.concurrency_key, w.worker_queue, min(w.available_at) as head_at
    from (
        select f.queue, f.concurrency_key, f.worker_queue, f.available_at
        from filed as f
        union all
        select l.queue, l.concurrency_key, l.worker_queue, i.available_at
        from given as g
        join engine.lane as l on l.shard = :shard and l.environment_id = :environment_id and l.queue = g.queue
                             and l.concurrency_key = g.concurrency_key
        cross join lateral (
            select i.available_at
            from engine.queue_item as i
            where i.shard = :shard and i.environment_id = :environment_id and i.queue = l.queue and i.concurrency_key = l.concurrency_key
              and i.worker_queue = l.worker_queue and i.is_filed
            order by i.available_at
            limit 1
        ) as i
    ) as w
    group by w.queue, w.concurrency_key, w.worker_queue
), gone as (
    delete from engine.lane as l
    using given as g
    where l.shard = :shard and l.environment_id = :environment_id and l.queue = g.queue and l.concurrency_key = g.concurrency_key
      and not exists (
        select from head as h
        where h.queue = l.queue and h.concurrency_key = l.concurrency_key and h.worker_queue = l.worker_queue)
)
insert into engine.lane as l (shard, environment_id, queue, concurrency_key, worker_queue, head_at, is_open)
select :shard, :environment_id, h.queue, h.concurrency_key, h.worker_queue, h.head_at, g.is_open
from head as h
join given as g on g.queue = h.queue and g.concurrency_key = h.concurrency_key
on conflict (shard, environment_id, queue, concurrency_key, worker_queue) do update
set head_at = excluded.head_at,
    is_open = excluded.is_open
where (l.head_at, l.is_open) is distinct from (excluded.head_at, excluded.is_open)
