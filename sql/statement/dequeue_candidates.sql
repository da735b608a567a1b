-- The candidates of a dequeue with limits: the heads of open lanes, and the next items that are not filed yet; with each
-- lane its free slots, and whether one was given back. A lane without an item has one row, to be settled. Items whose time
-- to live has passed are skipped, whether they were expired or not.
-- :shard smallint
-- :worker_queue text
-- :environment_id text
-- :now timestamptz
-- :max_runs integer: most runs to start
-- :max_unfiled integer: number of unfiled items to read
-- :limited_queues text[]: queues with a limit
-- :caps integer[]: the limit of each of their lanes
-- :lane_cap integer: the limit of all other lanes (2147483647 is no limit: nothing is counted)
-- :low timestamptz: time before which only items ahead of their time are live
-- :counts_slots boolean: whether to count: false if the lanes are taken one by one afterwards
-- :is_unfitted boolean: whether rows are not adapted to the limits yet: then slots without the mark count too
-- -> queue text, concurrency_key text, free bigint, is_released boolean, run_id text null,
-- -> available_at timestamptz null, is_filed boolean null
-- Locks: none. A dequeue that counts holds the environment's mutex exclusively, so that no other session takes a slot. This
-- is a separate statement after the mutex: taking the mutex in the same one would not see what its last holder wrote.
-- Index: lane_open, release_environment, lane_pkey, queue_item_order, heartbeat_counted, queue_item_lane.
with released as materialized (
    select r.queue, r.concurrency_key
    from engine.release as r
    where r.environment_id = :environment_id
    limit 1000
), known as (
    (select l.queue, l.concurrency_key
     from engine.lane as l
     where l.worker_queue = :worker_queue and l.environment_id = :environment_id and l.is_open
     order by l.head_at
     limit :max_runs)
    union
    select r.queue, r.concurrency_key
    from released as r
), next as materialized (
    select q.run_id, q.queue, q.concurrency_key, q.available_at
    from (
        (select a.run_id, a.queue, a.concurrency_key, a.available_at
         from engine.queue_item as a
         where a.worker_queue = :worker_queue and a.environment_id = :environment_id and not a.is_filed and a.is_ahead
           and a.available_at <= :now and (a.expires_at is null or a.expires_at > :now)
         order by a.available_at, a.run_id
         limit :max_unfiled)
        union all
        (select b.run_id, b.queue, b.concurrency_key, b.available_at
         from engine.queue_item as b
         where b.worker_queue = :worker_queue and b.environment_id = :environment_id and not b.is_filed and not b.is_ahead
           and b.available_at >= :low and b.available_at <= :now and (b.expires_at is null or b.expires_at > :now)
         order by b.available_at, b.run_id
         limit :max_unfiled)
    ) as q
    order by q.available_at, q.run_id
    limit :max_unfiled
), lane as materialized (
    select a.queue, a.concurrency_key, case when c.cap = 2147483647 or not :counts_slots then c.cap else greatest(0, c.cap - (
               select count(*)
               from (
                   select
                   from engine.heartbeat as h
                   where h.shard = :shard and h.environment_id = :environment_id and h.queue = a.queue
                     and h.concurrency_key = a.concurrency_key and h.is_counted
                   union all
                   select
                   from engine.heartbeat as h
                   where :is_unfitted and h.shard = :shard and h.environment_id = :environment_id and h.queue = a.queue
                     and h.concurrency_key = a.concurrency_key and h.holds_slot and not h.is_counted
                   limit c.cap) as held)) end as free
    from (
        select k.queue, k.concurrency_key from known as k
        union
        select n.queue, n.concurrency_key from next as n
    ) as a
    cross join lateral (
        select coalesce((select g.cap from unnest(:limited_queues, :caps) as g(queue, cap) where g.queue = a.queue),
                                                  :lane_cap) as cap
        offset 0
    ) as c
)
select l.queue, l.concurrency_key, l.free,
       exists (select from released as r where r.queue = l.queue and r.concurrency_key = l.concurrency_key) as is_released,
       i.run_id, i.available_at, i.is_filed
from lane as l
left join lateral (
    select n.run_id, n.available_at, false as is_filed
    from next as n
    where n.queue = l.queue and n.concurrency_key = l.concurrency_key
    union all
    (select q.run_id, q.available_at, true
     from engine.queue_item as q
     where q.shard = :shard and q.environment_id = :environment_id and q.queue = l.queue and q.concurrency_key = l.concurrency_key
       and q.worker_queue = :worker_queue and q.is_filed and (q.expires_at is null or q.expires_at > :now)
     order by q.available_at, q.run_id
     limit least(l.free, :max_runs))
) as i on true
order by l.queue, l.concurrency_key, i.available_at, i.run_id
