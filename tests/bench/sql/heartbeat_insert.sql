-- Deadline and slot of a claimed run. From sql/statement/dequeue_apply.sql.
-- $1 smallint shard, $2 text run id, $3 text snapshot id, $4 bigint interval (ms), $5 timestamptz deadline,
-- $6 timestamptz now, $7 text environment id, $8 text queue, $9 text concurrency key
insert into engine.heartbeat (
    shard, run_id, snapshot_id, interval_ms, deadline_at, check_at, holds_slot, is_counted, is_noted, acquired_at,
    environment_id, queue, concurrency_key)
values ($1, $2, $3, $4, $5, $5, true, false, false, $6, $7, $8, coalesce($9, ''))
