-- Locks the deadlines among these that no other session has locked: of locked runs that are about to continue because
-- something else has ended. The session that ends it holds deadlines already, and must not wait for others: a session that
-- sets a limit waits for all of them, in order.
-- :shard smallint
-- :run_ids text[]
-- -> run_id text
-- Locks: deadlines, SKIP LOCKED. Index: heartbeat_pkey.
select h.run_id
from unnest(:run_ids) as g(run_id)
cross join lateral (
    select h.run_id
    from engine.heartbeat as h
    where h.shard = :shard and h.run_id = g.run_id
    for update skip locked
) as h
