-- Writes a queue.
-- $1 text environment id, $2 text name, $3 integer concurrency limit, $4 integer override, $5 integer most queued runs,
-- $6 boolean paused, $7 timestamptz now, $8 boolean whether what is there fits its limits
-- Locks: the queue's row; the environment is held for setting, so that no other session writes it. Index: queue_pkey.
insert into engine.queue as k (
    environment_id, name, concurrency_limit, override_limit, overridden_at, max_size, is_paused, created_at, is_fitted)
values ($1, $2, $3, $4, case when $4 is not null then $7 end, $5, $6, $7, $8)
on conflict (environment_id, name) do update
set concurrency_limit = excluded.concurrency_limit,
    override_limit = excluded.override_limit,
    overridden_at = case when excluded.override_limit is distinct from k.override_limit then excluded.overridden_at
                         else k.overridden_at end,
    max_size = excluded.max_size,
    is_paused = excluded.is_paused,
    is_fitted = excluded.is_fitted
