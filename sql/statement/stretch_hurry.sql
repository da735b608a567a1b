-- Makes the sweep look at every stretch with policies that have changed. None is being looked at: the caller keeps the sweep away.
-- :now timestamptz
-- Locks: the stretches' rows, SKIP LOCKED. Index: stretch_pkey.
update engine.stretch as t
set due_at = :now
from (
    select o.shard, o.first_id
    from engine.stretch as o
    where o.due_at > :now
    for update skip locked
) as o
where t.shard = o.shard and t.first_id = o.first_id
