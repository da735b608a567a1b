-- Deletes the turns of workers that have taken none for an hour or two.
-- :now timestamptz
-- :max_items integer: most rows
-- Locks: the turns' rows, SKIP LOCKED. Index: turn_expiry, turn_pkey.
delete from engine.turn as t
using (
    select o.shard, o.worker_id, o.runner_id
    from engine.turn as o
    where o.forget_at < :now
    order by o.forget_at
    limit :max_items
    for update skip locked
) as old
where t.shard = old.shard and t.worker_id = old.worker_id and t.runner_id = old.runner_id
