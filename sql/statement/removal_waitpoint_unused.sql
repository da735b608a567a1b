-- The waitpoints among these that have served: completed by a time or a caller, under no key that is still valid, and no
-- run is left that has waited for them.
-- :shard smallint
-- :waitpoint_ids text[]: locked by waitpoint_lock_free
-- :now timestamptz
-- -> id text
-- Locks: none; read in a statement of its own after those locks. Index: waitpoint_pkey, edge_waitpoint,
-- waitpoint_history_pkey.
select w.id
from unnest(:waitpoint_ids) as g(id)
cross join lateral (
    select w.id
    from engine.waitpoint as w
    where w.shard = :shard and w.id = g.id and w.status = 'COMPLETED'
      and w.completed_by_run_id is null and w.completed_by_batch_id is null
      and (not w.user_provided_idempotency_key or w.idempotency_key_expires_at < :now)
    offset 0
) as w
where not exists (select from engine.edge as e where e.shard = :shard and e.waitpoint_id = w.id)
  and not exists (select from engine.waitpoint_history as h where h.shard = :shard and h.waitpoint_id = w.id)
