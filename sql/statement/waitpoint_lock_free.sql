-- Locks those of these waitpoints that nobody else has locked.
-- $1 smallint shard, $2 text[] waitpoint ids
-- Locks: waitpoints, SKIP LOCKED: whoever is about to wait for one has it, and the tick comes again. Index: waitpoint_pkey.
select w.id
from (
    select g.id
    from unnest($2) as g(id)
    order by g.id collate "C"
) as g
cross join lateral (
    select w.id
    from engine.waitpoint as w
    where w.shard = $1 and w.id = g.id
    for no key update skip locked
) as w
