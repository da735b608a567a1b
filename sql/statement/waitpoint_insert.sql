-- Writes new waitpoints, except those whose key, run or batch already has one; returns the ids of those written.
-- :shard smallint
-- :now timestamptz
-- One array element per waitpoint:
-- :id text[]
-- :kind text[]: type
-- :environment_id text[]
-- :key text[]: the caller's key or null
-- :key_expires_at timestamptz[]: when it expires
-- :run_id text[]: the run whose end completes it
-- :batch_id text[]: the batch whose end completes it
-- :completed_after timestamptz[]
-- :tags jsonb[]: tags (a JSON array of strings, or null)
-- For one that begins completed:
-- :output text[]
-- :output_type text[]: its type
-- :is_error boolean[]: whether the output is an error; null for one that is pending
-- -> id text
-- Locks: the new rows; waits for another one of the same key that has not committed. Index: waitpoint_pkey, waitpoint_key,
-- waitpoint_run, waitpoint_batch.
insert into engine.waitpoint (
    shard, id, type, status, environment_id, idempotency_key, user_provided_idempotency_key, idempotency_key_expires_at,
    completed_by_run_id, completed_by_batch_id, completed_after, tags, output, output_type, output_is_error, completed_at,
    created_at)
select :shard, w.id, w.type::engine.waitpoint_type,
       case when w.is_error is null then 'PENDING' else 'COMPLETED' end::engine.waitpoint_status, w.environment_id,
       coalesce(w.key, w.id), w.key is not null, w.key_expires_at, w.run_id, w.batch_id, w.completed_after,
       array(select t.tag from jsonb_array_elements_text(w.tags) with ordinality as t(tag, position) order by t.position),
       w.output, coalesce(w.output_type, 'application/json'), coalesce(w.is_error, false),
       case when w.is_error is not null then :now end, :now
from unnest(:id, :kind, :environment_id, :key, :key_expires_at, :run_id, :batch_id, :completed_after, :tags, :output,
            :output_type, :is_error)
     as w(id, type, environment_id, key, key_expires_at, run_id, batch_id, completed_after, tags, output, output_type, is_error)
on conflict do nothing
returning id
