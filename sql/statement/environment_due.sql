-- Environments that have something for a worker queue, in the order of their ids, beginning after a given one: each step
-- jumps to the next one in the index. Each with whether some of it may be due: it may have nothing but retries to come.
-- $1 smallint shard, $2 text worker queue, $3 text environment id to begin after, $4 integer how many, $5 timestamptz now
-- Locks: none. Index: queue_item_claim, lane_open, release_environment.
with recursive due as (
    select n.environment_id, 1 as place
    from (
        select least(
            (select q.environment_id from engine.queue_item as q
             where q.shard = $1 and q.worker_queue = $2 and q.environment_id > $3 and not q.is_filed
             order by q.environment_id limit 1),
            (select l.environment_id from engine.lane as l
             where l.shard = $1 and l.worker_queue = $2 and l.environment_id > $3 and l.is_open
             order by l.environment_id limit 1),
            (select r.environment_id from engine.release as r
             where r.shard = $1 and r.environment_id > $3
             order by r.environment_id limit 1)) as environment_id
    ) as n
    union all
    select least(
            (select q.environment_id from engine.queue_item as q
             where q.shard = $1 and q.worker_queue = $2 and q.environment_id > d.environment_id and not q.is_filed
             order by q.environment_id limit 1),
            (select l.environment_id from engine.lane as l
             where l.shard = $1 and l.worker_queue = $2 and l.environment_id > d.environment_id and l.is_open
             order by l.environment_id limit 1),
            (select r.environment_id from engine.release as r
             where r.shard = $1 and r.environment_id > d.environment_id
             order by r.environment_id limit 1)),
        d.place + 1
    from due as d
    where d.environment_id is not null and d.place < $4
)
select d.environment_id,
       exists (
           select from engine.queue_item as q
           where q.shard = $1 and q.worker_queue = $2 and q.environment_id = d.environment_id and not q.is_filed
             and not q.is_ahead and q.available_at <= $5
       ) or exists (
           select from engine.queue_item as q
           where q.shard = $1 and q.worker_queue = $2 and q.environment_id = d.environment_id and not q.is_filed
             and q.is_ahead and q.available_at <= $5
       ) or exists (
           select from engine.lane as l
           where l.shard = $1 and l.worker_queue = $2 and l.environment_id = d.environment_id and l.is_open
       ) or exists (
           select from engine.release as r
           where r.shard = $1 and r.environment_id = d.environment_id
       )
from due as d
where d.environment_id is not null
order by d.place
