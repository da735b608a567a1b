-- Writes new waitpoints, except those whose key, run or batch already has one; returns the ids of those written.
-- $1 smallint shard, $2 timestamptz now
-- then one array element per waitpoint: $3 id, $4 type, $5 environment id, $6 the user's key or null, $7 when it expires,
-- $8 the run or $9 the batch whose end completes it, $10 completed after, $11 tags (a JSON array of strings, or null),
-- and for one that begins completed $12 output, $13 its type, $14 whether it is an error; null in $14 for all others
-- Locks: the new rows; waits for another one of the same key that has not committed. Index: waitpoint_pkey, waitpoint_key,
-- waitpoint_run, waitpoint_batch.
insert into engine.waitpoint (
    shard, id, type, status, environment_id, idempotency_key, user_provided_idempotency_key, idempotency_key_expires_at,
    completed_by_run_id, completed_by_batch_id, completed_after, tags, output, output_type, output_is_error, completed_at,
    created_at)
select $1, w.id, w.type::engine.waitpoint_type,
       case when w.is_error is null then 'PENDING' else 'COMPLETED' end::engine.waitpoint_status, w.environment_id,
       coalesce(w.key, w.id), w.key is not null, w.key_expires_at, w.run_id, w.batch_id, w.completed_after,
       array(select t.tag from jsonb_array_elements_text(w.tags) with ordinality as t(tag, position) order by t.position),
       w.output, coalesce(w.output_type, 'application/json'), coalesce(w.is_error, false),
       case when w.is_error is not null then $2 end, $2
from unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
     as w(id, type, environment_id, key, key_expires_at, run_id, batch_id, completed_after, tags, output, output_type, is_error)
on conflict do nothing
returning id
