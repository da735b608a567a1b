-- Writes a queue.
-- :environment_id text
-- :name text
-- :concurrency_limit integer
-- :override_limit integer: override
-- :max_size integer: most queued runs
-- :is_paused boolean: paused
-- :paused_at timestamptz: since when
-- :paused_by text: the role that paused it, or gave the reason
-- :pause_reason text
-- :now timestamptz
-- :is_fitted boolean: whether rows are adapted to its limits
-- Locks: the queue's row; the environment is held for setting, so that no other session writes it. Index: queue_pkey.
insert into engine.queue as k (
    environment_id, name, concurrency_limit, override_limit, overridden_at, max_size, is_paused, paused_at, paused_by, pause_reason,
    created_at, is_fitted)
values (:environment_id, :name, :concurrency_limit, :override_limit, case when :override_limit is not null then :now end, :max_size, :is_paused, :paused_at, :paused_by, :pause_reason, :now, :is_fitted)
on conflict (environment_id, name) do update
set concurrency_limit = excluded.concurrency_limit,
    override_limit = excluded.override_limit,
    overridden_at = case when excluded.override_limit is distinct from k.override_limit then excluded.overridden_at
                         else k.overridden_at end,
    max_size = excluded.max_size,
    is_paused = excluded.is_paused,
    paused_at = excluded.paused_at,
    paused_by = excluded.paused_by,
    pause_reason = excluded.pause_reason,
    is_fitted = excluded.is_fitted
