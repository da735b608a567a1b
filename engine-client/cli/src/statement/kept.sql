-- How many runs are kept, since when, and whether the sweep keeps up.
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
select case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
           'run_count', k.run_count,
           'oldest_at', k.oldest_at,
           'is_swept', k.is_swept,
           'due_stretches', k.due_stretches,
           'due_since', k.due_since) end as row
from engine.kept as k
