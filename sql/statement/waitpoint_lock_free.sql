-- Locks the waitpoints among these that no other session has locked.
-- :shard smallint
-- :waitpoint_ids text[]
-- -> id text
-- Locks: waitpoints, SKIP LOCKED: a session that is about to wait holds it, and the tick retries. Index: waitpoint_pkey.
select w.id
from (
    select g.id
    from unnest(:waitpoint_ids) as g(id)
    order by g.id collate "C"
) as g
cross join lateral (
    select w.id
    from engine.waitpoint as w
    where w.shard = :shard and w.id = g.id
    for no key update skip locked
) as w
