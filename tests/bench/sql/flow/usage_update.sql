-- What a failed attempt used, on a machine that costs nothing.
-- $1 smallint shard, $2 text run id, $3 timestamptz now, $4 integer usage (ms)
update engine.run_state as s
set machine = s.machine,
    usage_duration_ms = s.usage_duration_ms + $4,
    cost_in_cents = s.cost_in_cents,
    updated_at = $3
where s.shard = $1 and s.run_id = $2
