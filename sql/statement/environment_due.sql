-- Environments with items for a worker queue, of all shards, in the order of their ids, after a given one: each step jumps to
-- the next one in the index. With each, whether an item may be due: it may have only retries to come. Many dead items may
-- precede the live ones of an environment, and a step would read each of them. If the session knows where the live items begin, the step
-- goes no further than to the next such environment, and lists it without reading it.
-- :worker_queue text
-- :after_environment_id text
-- :max_environments integer: most rows
-- :now timestamptz
-- One array element per such environment, in the order of their ids:
-- :environment_id text[]
-- :low timestamptz[]: time before which only items ahead of their time are live
-- -> environment_id text, is_due boolean
-- `offset 0` makes the planner look for each step once.
-- Locks: none. Index: queue_item_order, lane_open, release_environment.
with recursive due as (
    select :after_environment_id collate "C" as environment_id, 0 as place, 1 as nth, null::timestamptz as low
    union all
    select n.environment_id, d.place + 1, d.nth + (n.environment_id = n.known)::integer,
           case when n.environment_id = n.known then :low[d.nth] end
    from due as d
    cross join lateral (
        select least(
            case when :environment_id[d.nth] is null then (
                select q.environment_id from engine.queue_item as q
                where q.worker_queue = :worker_queue and q.environment_id > d.environment_id and not q.is_filed
                order by q.environment_id limit 1)
            else (
                select q.environment_id from engine.queue_item as q
                where q.worker_queue = :worker_queue and q.environment_id > d.environment_id
                  and q.environment_id < :environment_id[d.nth] and not q.is_filed
                order by q.environment_id limit 1)
            end,
            (select l.environment_id from engine.lane as l
             where l.worker_queue = :worker_queue and l.environment_id > d.environment_id and l.is_open
             order by l.environment_id limit 1),
            (select r.environment_id from engine.release as r
             where r.environment_id > d.environment_id
             order by r.environment_id limit 1),
            :environment_id[d.nth]) as environment_id, :environment_id[d.nth] as known
        offset 0
    ) as n
    where n.environment_id is not null and d.place < :max_environments
)
select d.environment_id, coalesce(
    (select true from engine.queue_item as q
     where q.worker_queue = :worker_queue and q.environment_id = d.environment_id and not q.is_filed and not q.is_ahead
       and q.available_at >= coalesce(d.low, '-infinity') and q.available_at <= :now
     limit 1),
    (select true from engine.queue_item as q
     where q.worker_queue = :worker_queue and q.environment_id = d.environment_id and not q.is_filed and q.is_ahead
       and q.available_at <= :now
     limit 1),
    (select true from engine.lane as l
     where l.worker_queue = :worker_queue and l.environment_id = d.environment_id and l.is_open
     limit 1),
    (select true from engine.release as r
     where r.environment_id = d.environment_id
     limit 1),
    false) as is_due
from due as d
where d.place > 0
order by d.place
