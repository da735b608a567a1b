-- Locks runs in the order of their ids.
-- $1 text[] run ids
select s.run_id, s.run_status::text, s.execution_status::text, s.snapshot_id, s.snapshot_ordinal, s.attempt_number, s.max_attempts,
       s.usage_duration_ms, s.retry, s.error
from (
    select g.run_id
    from unnest($1::text[]) as g(run_id)
    order by g.run_id collate "C"
) as g
cross join lateral (
    select s.*
    from floor.run_state as s
    where s.shard = 0 and s.run_id = g.run_id
    for no key update
) as s
