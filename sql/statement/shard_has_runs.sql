-- Whether there are runs of a shard.
-- :shard smallint
-- -> exists boolean
-- Locks: none. Index: run_pkey.
select exists (
    select from engine.run as r
    where r.shard = :shard)
