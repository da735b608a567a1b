-- Copies completed batches, with their runs, to the keys of another run, except those whose new key would be too long. The other run
-- counts as one that has waited for theirs: as long as it lives, these stay.
-- :shard smallint
-- :run_id text: the other run
-- :key_prefix text: what the keys begin with
-- :new_key_prefix text: what the new ones begin with
-- :max_key_bytes integer: longest key (bytes)
-- One array element per batch:
-- :id text[]
-- :new_id text[]: the id of the new one
-- Locks: the new rows; the waitpoints of the runs are held by batch_children_hold. Index: batch_pkey, batch_item_pkey, batch_key,
-- waitpoint_run, waitpoint_history_pkey.
with kept as (
    insert into engine.batch (
        shard, id, environment_id, status, run_count, item_count, failed_count, next_index, parent_run_id, resume_parent,
        idempotency_key, idempotency_key_expires_at, options, sealed_at, completed_at, created_at)
    select b.shard, c.new_id, b.environment_id, b.status, b.run_count, b.item_count, b.failed_count, b.next_index, :run_id,
           b.resume_parent, :new_key_prefix || substr(b.idempotency_key, length(:key_prefix) + 1), b.idempotency_key_expires_at,
           b.options, b.sealed_at, b.completed_at, b.created_at
    from unnest(:id, :new_id) as c(id, new_id)
    join engine.batch as b on b.shard = :shard and b.id = c.id
    -- Another batch may take a key that has expired since it was read.
    where starts_with(b.idempotency_key, :key_prefix)
      and octet_length(b.idempotency_key) - octet_length(:key_prefix) + octet_length(:new_key_prefix) <= :max_key_bytes
    returning id
), item as (
    insert into engine.batch_item (shard, item_index, batch_id, run_id, created_at)
    select i.shard, i.item_index, c.new_id, i.run_id, i.created_at
    from unnest(:id, :new_id) as c(id, new_id)
    join kept as k on k.id = c.new_id
    join engine.batch_item as i on i.shard = :shard and i.batch_id = c.id
    returning run_id, created_at
), history as (
    select distinct w.id, i.created_at
    from item as i
    join engine.waitpoint as w on w.shard = :shard and w.completed_by_run_id = i.run_id
)
insert into engine.waitpoint_history (shard, waitpoint_id, run_id, created_at)
select :shard, h.id, :run_id, min(h.created_at)
from history as h
group by h.id
