-- Sets how long runs are kept after they have ended.
-- :environment_id text: empty for every one, as the next three
-- :task text
-- :queue text
-- :outcome text
-- :keep_ms bigint: milliseconds, or null for ever
-- :now timestamptz
-- Locks: the policy's row. Index: retention_pkey.
insert into engine.retention (environment_id, task, queue, outcome, keep, set_at)
values (:environment_id, :task, :queue, :outcome,
        make_interval(days => (:keep_ms / 86400000)::integer, secs => (:keep_ms % 86400000) / 1000.0::double precision), :now)
on conflict (environment_id, task, queue, outcome) do update
set keep = excluded.keep, set_at = excluded.set_at
