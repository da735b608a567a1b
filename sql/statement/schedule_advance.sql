-- Advances due schedules.
-- One array element per schedule: $1 id, $2 the tick for which it has made a run, or null, $3 the id of that run,
-- $4 phase, $5 next tick, $6 when its run may be claimed, $7 when its run is made, $8 why it has made none, or null
-- Locks: held by schedule_due_lock. Index: schedule_pkey, schedule_due.
update engine.schedule as s
set last_nominal_at = coalesce(g.nominal_at, s.last_nominal_at),
    last_run_id = coalesce(g.run_id, s.last_run_id),
    phase = g.phase,
    next_nominal_at = g.next_nominal_at,
    next_effective_at = g.next_effective_at,
    next_at = g.next_at,
    last_error = g.error
from unnest($1, $2, $3, $4, $5, $6, $7, $8)
     as g(id, nominal_at, run_id, phase, next_nominal_at, next_effective_at, next_at, error)
where s.id = g.id
