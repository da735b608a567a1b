-- Advances due schedules.
-- One array element per schedule:
-- :id text[]
-- :nominal_at timestamptz[]: the tick of its last run, or null
-- :run_id text[]: the id of that run
-- :phase integer[]
-- :next_nominal_at timestamptz[]: its next tick
-- :next_effective_at timestamptz[]: earliest dequeue of its run
-- :next_at timestamptz[]: when that run is made
-- :error text[]: why it made none, or null
-- Locks: held by schedule_due_lock. Index: schedule_pkey, schedule_due.
update engine.schedule as s
set last_nominal_at = coalesce(g.nominal_at, s.last_nominal_at),
    last_run_id = coalesce(g.run_id, s.last_run_id),
    phase = g.phase,
    next_nominal_at = g.next_nominal_at,
    next_effective_at = g.next_effective_at,
    next_at = g.next_at,
    last_error = g.error
from unnest(:id, :nominal_at, :run_id, :phase, :next_nominal_at, :next_effective_at, :next_at, :error)
     as g(id, nominal_at, run_id, phase, next_nominal_at, next_effective_at, next_at, error)
where s.id = g.id
