-- Concurrency in use. A slot always has a deadline, so it is part of the deadline's row.
create view engine.slot with (security_barrier) as
select h.shard,
       h.run_id,
       h.environment_id,
       h.queue,
       nullif(h.concurrency_key, '') as concurrency_key,
       h.acquired_at
from engine.heartbeat as h
where h.holds_slot
  and ((select v.is_everywhere from engine.read_scope as v)
       or h.environment_id = any ((select v.environment_ids from engine.read_scope as v)::text[]));

comment on view engine.slot is 'Concurrency in use: exactly one row per run in PENDING_EXECUTING, EXECUTING or EXECUTING_WITH_WAITPOINTS';
