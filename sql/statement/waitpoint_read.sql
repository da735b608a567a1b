-- A waitpoint, as its creator and its completer see it.
-- $1 smallint shard, $2 text waitpoint id, $3 text environment id or null for any
-- Locks: none. Index: waitpoint_pkey.
select w.id, w.status::text, w.completed_after, w.completed_at, w.output, w.output_type, w.output_is_error,
       w.created_at
from engine.waitpoint as w
where w.shard = $1 and w.id = $2 and ($3::text is null or w.environment_id = $3)
