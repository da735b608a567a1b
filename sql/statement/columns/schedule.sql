-- Of a schedule `s`.
-- -> id text, environment_id text, task text, cron text, timezone text, spread_window text null, is_active boolean,
-- -> external_id text null, payload jsonb null, options jsonb null, phase integer null,
-- -> last_nominal_at timestamptz null, next_nominal_at timestamptz null, next_effective_at timestamptz null,
-- -> next_at timestamptz null
s.id, s.environment_id, s.task, s.cron, s.timezone, s.spread_window, s.is_active, s.external_id, s.payload,
s.options, s.phase, s.last_nominal_at, s.next_nominal_at, s.next_effective_at, s.next_at
