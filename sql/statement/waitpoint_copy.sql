-- Copies completed waitpoints to the keys of another run, except those whose new key would be too long.
-- $1 smallint shard, $2 text what the keys begin with, $3 text what the new ones begin with, $4 integer their longest (bytes)
-- then one array element per waitpoint: $5 its id, $6 the id of the new one
-- Locks: the new rows. Index: waitpoint_pkey, waitpoint_key.
insert into engine.waitpoint (
    shard, id, type, status, environment_id, idempotency_key, user_provided_idempotency_key, idempotency_key_expires_at,
    completed_after, completed_at, output, output_type, output_is_error, tags, created_at)
select w.shard, c.new_id, w.type, w.status, w.environment_id, $3 || substr(w.idempotency_key, length($2) + 1), true,
       w.idempotency_key_expires_at, w.completed_after, w.completed_at, w.output, w.output_type, w.output_is_error, w.tags,
       w.created_at
from unnest($5, $6) as c(id, new_id)
join engine.waitpoint as w on w.shard = $1 and w.id = c.id
-- Another waitpoint may take a key that has expired since it was read.
where starts_with(w.idempotency_key, $2) and octet_length(w.idempotency_key) - octet_length($2) + octet_length($3) <= $4
