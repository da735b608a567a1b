-- Two commits without their dequeue: takes every run out of the queue beforehand, in bulk.
-- $1 smallint shard
with item as (
    delete from engine.queue_item as i
    where i.shard = $1
    returning i.run_id, i.available_at
)
select i.run_id
from item as i
order by i.available_at, i.run_id
