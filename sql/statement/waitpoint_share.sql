-- Locks waitpoints that a run is going to wait for, in the order of their ids, and reads them as they are once the locks are
-- held: whoever completes one waits for us, or we for him. FOR KEY SHARE would not do: a completion touches no key.
-- $1 smallint shard, $2 text run id, $3 text[] waitpoint ids, each once
-- Locks: waitpoints, FOR SHARE, waiting; the run is locked before. Index: waitpoint_pkey, run_pkey.
select w.id, w.status::text, w.environment_id = r.environment_id
from (
    select g.id
    from unnest($3) as g(id)
    order by g.id collate "C"
) as g
cross join lateral (
    select w.id, w.status, w.environment_id
    from engine.waitpoint as w
    where w.shard = $1 and w.id = g.id
    for share
) as w
cross join lateral (
    select r.environment_id
    from engine.run as r
    where r.shard = $1 and r.id = $2
    offset 0
) as r
