-- Runs that have not ended: at most so many.
-- $1 bigint at most so many
select to_jsonb(array_agg(l.run_id)) as row
from (
    select r.run_id
    from engine.live_run as r
    limit $1::bigint
) as l
