-- Deadline and slot of a run after its transition. From sql/statement/run_move.sql.
-- $1 smallint shard, $2 text run id, $3 timestamptz now, $4 text snapshot id, $5 bigint interval (ms),
-- $6 boolean whether it holds a slot
update engine.heartbeat as h
set snapshot_id = $4,
    interval_ms = $5,
    deadline_at = $3::timestamptz + $5::bigint * interval '1 millisecond',
    check_at = least(h.check_at, $3::timestamptz + $5::bigint * interval '1 millisecond'),
    holds_slot = $6,
    is_counted = $6 and h.is_counted,
    is_noted = $6 and h.is_noted,
    acquired_at = case when h.holds_slot = $6 then h.acquired_at else $3 end
where h.shard = $1 and h.run_id = $2
