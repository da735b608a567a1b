-- The candidates of a dequeue with limits: the heads of open lanes, and the next items that are not filed yet; with each
-- lane its free slots, and whether one was given back. A lane without an item has one row, to be settled. Items whose time
-- to live has passed are skipped, whether they were expired or not.
-- $6 integer how many items to look at that are in no lane yet
-- $7 text[] queues that have a limit, $8 integer[] the limit of each of their lanes, $9 integer the limit of all other lanes
-- (2147483647 is no limit: nothing is counted), $10 timestamptz before which nothing is alive that is not ahead of its time
-- $11 boolean whether to count: false where the lanes are yet to be taken, each for itself
-- Locks: none. A dequeue that counts holds the environment's mutex exclusively, so that no other session takes a slot. This
-- is a separate statement after the mutex: taking the mutex in the same one would not see what its last holder wrote.
-- after the mutex: one that took the mutex itself would not see what its last holder wrote.
-- Index: lane_open, release_environment, lane_pkey, queue_item_claim, heartbeat_counted, queue_item_lane.
with released as materialized (
    select r.queue, r.concurrency_key
    from engine.release as r
    where r.shard = $1 and r.environment_id = $3
    limit 1000
), known as (
    (select l.queue, l.concurrency_key
     from engine.lane as l
     where l.shard = $1 and l.worker_queue = $2 and l.environment_id = $3 and l.is_open
     order by l.head_at
     limit $5)
    union
    select r.queue, r.concurrency_key
    from released as r
), next as materialized (
    select q.run_id, q.queue, q.concurrency_key, q.available_at
    from (
        (select a.run_id, a.queue, a.concurrency_key, a.available_at
         from engine.queue_item as a
         where a.shard = $1 and a.worker_queue = $2 and a.environment_id = $3 and not a.is_filed and a.is_ahead
           and a.available_at <= $4 and (a.expires_at is null or a.expires_at > $4)
         order by a.available_at, a.run_id
         limit $6)
        union all
        (select b.run_id, b.queue, b.concurrency_key, b.available_at
         from engine.queue_item as b
         where b.shard = $1 and b.worker_queue = $2 and b.environment_id = $3 and not b.is_filed and not b.is_ahead
           and b.available_at >= $10 and b.available_at <= $4 and (b.expires_at is null or b.expires_at > $4)
         order by b.available_at, b.run_id
         limit $6)
    ) as q
    order by q.available_at, q.run_id
    limit $6
), lane as materialized (
    select a.queue, a.concurrency_key, case when c.cap = 2147483647 or not $11 then c.cap else greatest(0, c.cap - (
               select count(*)
               from (
                   select
                   from engine.heartbeat as h
                   where h.shard = $1 and h.environment_id = $3 and h.queue = a.queue
                     and h.concurrency_key = a.concurrency_key and h.is_counted
                   union all
                   select
                   from engine.heartbeat as h
                   where $12 and h.shard = $1 and h.environment_id = $3 and h.queue = a.queue
                     and h.concurrency_key = a.concurrency_key and h.holds_slot and not h.is_counted
                   limit c.cap) as held)) end as free
    from (
        select k.queue, k.concurrency_key from known as k
        union
        select n.queue, n.concurrency_key from next as n
    ) as a
    cross join lateral (
        select coalesce((select g.cap from unnest($7, $8) as g(queue, cap) where g.queue = a.queue), $9) as cap
        offset 0
    ) as c
)
select l.queue, l.concurrency_key, l.free,
       exists (select from released as r where r.queue = l.queue and r.concurrency_key = l.concurrency_key),
       i.run_id, i.available_at, i.is_filed
from lane as l
left join lateral (
    select n.run_id, n.available_at, false as is_filed
    from next as n
    where n.queue = l.queue and n.concurrency_key = l.concurrency_key
    union all
    (select q.run_id, q.available_at, true
     from engine.queue_item as q
     where q.shard = $1 and q.environment_id = $3 and q.queue = l.queue and q.concurrency_key = l.concurrency_key
       and q.worker_queue = $2 and q.is_filed and (q.expires_at is null or q.expires_at > $4)
     order by q.available_at, q.run_id
     limit least(l.free, $5))
) as i on true
order by l.queue, l.concurrency_key, i.available_at, i.run_id
