-- Locks the waitpoints among these that no other session has locked.
-- $1 smallint shard, $2 text[] waitpoint ids
-- Locks: waitpoints, SKIP LOCKED: a session that is about to wait holds it, and the tick retries. Index: waitpoint_pkey.
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
