-- A waitpoint, as its creator and its completer see it.
-- :shard smallint
-- :waitpoint_id text
-- :environment_id text: environment id or null for any
-- -> id text, status text, completed_after timestamptz null, completed_at timestamptz null, output text null,
-- -> output_type text, output_is_error boolean, created_at timestamptz
-- Locks: none. Index: waitpoint_pkey.
select w.id, w.status::text, w.completed_after, w.completed_at, w.output, w.output_type, w.output_is_error,
       w.created_at
from engine.waitpoint as w
where w.shard = :shard and w.id = :waitpoint_id and (:environment_id::text is null or w.environment_id = :environment_id)
