-- Some runs, for a caller that is about to act on them and others, in the order in which they are named.
-- :shards smallint[]: shard of each run
-- :run_ids text[]
-- -> run jsonb
-- Locks: none. Index: run_pkey, run_state_pkey.
select jsonb_build_object(
           'run_id', r.id,
           'task', r.task,
           'queue', r.queue,
           'environment_id', r.environment_id,
           'run_status', s.run_status,
           'attempt_number', s.attempt_number,
           'created_at', r.created_at,
           'completed_at', s.completed_at,
           'error', left(coalesce(nullif(s.error ->> 'message', ''), s.error ->> 'raw'), 200)) as run
from unnest(:shards, :run_ids) with ordinality as g(shard, run_id, place)
join engine.run as r on r.shard = g.shard and r.id = g.run_id
join engine.run_state as s on s.shard = r.shard and s.run_id = r.id
order by g.place
