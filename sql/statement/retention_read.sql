-- The retention policies that were set.
-- -> environment_id text, task text, queue text, outcome text, keep_ms bigint null
-- Locks: none. Index: none, there are few.
select t.environment_id, t.task, t.queue, t.outcome, (extract(epoch from t.keep) * 1000)::bigint as keep_ms
from engine.retention as t
