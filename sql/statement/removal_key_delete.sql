-- Deletes debounce keys and one-time tokens of runs, and idempotency keys that another trigger may take since their runs
-- failed, except those that another session has locked: it takes them.
-- :shard smallint
-- :run_ids text[]
-- Two array elements per span: the runs lie in these, and few others do.
-- :first_id text[]
-- :last_id text[]
-- :digests bytea[]: of the idempotency keys
-- Locks: the keys' rows, SKIP LOCKED. Index: trigger_key_run, trigger_key_pkey.
delete from engine.trigger_key as k
using (
    select o.kind, o.digest
    from (
        select f.kind, f.digest
        from unnest(:first_id, :last_id) as g(first_id, last_id)
        cross join lateral (
            select o.kind, o.digest, o.run_id
            from engine.trigger_key as o
            where o.shard = :shard and o.run_id >= g.first_id and o.run_id <= g.last_id and o.kind <> 'IDEMPOTENCY'
            offset 0
        ) as f
        where f.run_id in (select n.run_id from unnest(:run_ids) as n(run_id))
        union all
        select 'IDEMPOTENCY', g.digest
        from unnest(:digests) as g(digest)
    ) as f
    cross join lateral (
        select o.kind, o.digest
        from engine.trigger_key as o
        where o.shard = :shard and o.kind = f.kind and o.digest = f.digest
          and o.run_id in (select n.run_id from unnest(:run_ids) as n(run_id))
        for update skip locked
    ) as o
    offset 0
) as o
where k.shard = :shard and k.kind = o.kind and k.digest = o.digest
