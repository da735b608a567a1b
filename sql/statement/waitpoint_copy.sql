-- Copies completed waitpoints to the keys of another run, except those whose new key would be too long.
-- :shard smallint
-- :key_prefix text: what the keys begin with
-- :new_key_prefix text: what the new ones begin with
-- :max_key_bytes integer: longest key (bytes)
-- One array element per waitpoint:
-- :id text[]
-- :new_id text[]: the id of the new one
-- Locks: the new rows. Index: waitpoint_pkey, waitpoint_key.
insert into engine.waitpoint (
    shard, id, type, status, environment_id, idempotency_key, user_provided_idempotency_key, idempotency_key_expires_at,
    completed_after, completed_at, output, output_type, output_is_error, tags, created_at)
select w.shard, c.new_id, w.type, w.status, w.environment_id, :new_key_prefix || substr(w.idempotency_key, length(:key_prefix) + 1), true,
       w.idempotency_key_expires_at, w.completed_after, w.completed_at, w.output, w.output_type, w.output_is_error, w.tags,
       w.created_at
from unnest(:id, :new_id) as c(id, new_id)
join engine.waitpoint as w on w.shard = :shard and w.id = c.id
-- Another waitpoint may take a key that has expired since it was read.
where starts_with(w.idempotency_key, :key_prefix) and octet_length(w.idempotency_key) - octet_length(:key_prefix) + octet_length(:new_key_prefix) <= :max_key_bytes
