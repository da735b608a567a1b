-- The queue takes a run back: its slot and its deadline go, its item comes. From sql/statement/run_move.sql.
-- $1 smallint shard, $2 text run id, $3 timestamptz available at
with heartbeat_gone as (
    delete from engine.heartbeat as h
    where h.shard = $1 and h.run_id = $2
)
insert into engine.queue_item (
    shard, run_id, worker_queue, environment_id, queue, concurrency_key, available_at, is_ahead)
select $1, r.id, r.worker_queue, r.environment_id, r.queue, coalesce(r.concurrency_key, ''), $3, false
from engine.run as r
where r.shard = $1 and r.id = $2
