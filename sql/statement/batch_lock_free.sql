-- Locks the batches among these that no other session has locked.
-- :shard smallint
-- :batch_ids text[]: batch ids, each once
-- -> the columns in columns/batch.sql
-- Locks: batches, SKIP LOCKED: a run that ends waits for no batch. Index: batch_pkey.
select :columns
from (
    select g.id
    from unnest(:batch_ids) as g(id)
    order by g.id collate "C"
) as g
cross join lateral (
    select b.*
    from engine.batch as b
    where b.shard = :shard and b.id = g.id
    for no key update skip locked
) as b
