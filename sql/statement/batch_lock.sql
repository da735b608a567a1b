-- Locks batches, in the order of their ids, and reads them after the locks are held.
-- :shard smallint
-- :batch_ids text[]: batch ids, each once
-- -> the columns in columns/batch.sql
-- Locks: batches, FOR NO KEY UPDATE, waiting; runs are locked before. Index: batch_pkey.
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
    for no key update
) as b
