-- How many runs are kept, since when, and whether the sweep keeps up.
select jsonb_build_object(
           'run_count', k.run_count,
           'oldest_at', k.oldest_at,
           'is_swept', k.is_swept,
           'due_stretches', k.due_stretches,
           'due_since', k.due_since) as row
from engine.kept as k
