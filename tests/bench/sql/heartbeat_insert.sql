-- The deadline of a claimed run. From sql/statement/claim_apply.sql.
-- $1 smallint shard, $2 text run id, $3 text snapshot id, $4 bigint interval (ms), $5 timestamptz deadline
insert into engine.heartbeat (shard, run_id, snapshot_id, interval_ms, deadline_at, check_at)
values ($1, $2, $3, $4, $5, $5)
