-- Deletes debounce keys and one-time tokens of runs, and idempotency keys that another trigger may take since their runs
-- failed, except those that another session has locked: it takes them.
-- :shard smallint
-- :run_ids text[]
-- :digests bytea[]: of the idempotency keys
-- Locks: the keys' rows, SKIP LOCKED. Index: trigger_key_run, trigger_key_pkey.
delete from engine.trigger_key as k
using (
    select o.kind, o.digest
    from unnest(:run_ids) as g(run_id)
    cross join lateral (
        select o.kind, o.digest
        from engine.trigger_key as o
        where o.shard = :shard and o.run_id = g.run_id and o.kind <> 'IDEMPOTENCY'
        for update skip locked
    ) as o
    union all
    select o.kind, o.digest
    from unnest(:digests) as g(digest)
    cross join lateral (
        select o.kind, o.digest
        from engine.trigger_key as o
        where o.shard = :shard and o.kind = 'IDEMPOTENCY' and o.digest = g.digest
          and o.run_id in (select n.run_id from unnest(:run_ids) as n(run_id))
        for update skip locked
    ) as o
) as o
where k.shard = :shard and k.kind = o.kind and k.digest = o.digest
