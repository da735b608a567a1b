-- Replaces the options of a locked run that is still delayed by those of its last trigger.
-- :shard smallint
-- :run_id text
-- :payload text
-- :payload_type text: its type
-- :metadata jsonb
-- :tags jsonb
-- :max_attempts integer
-- :max_duration_seconds integer: max duration (s)
-- :machine text: machine; null keeps what is there
-- :keep_ms bigint: how long it is kept (ms); null keeps what is there
-- Locks: run state held by run_lock; the run's row. Index: run_pkey, run_state_pkey.
with state as (
    update engine.run_state as s
    set keep_ms = :keep_ms
    where :keep_ms is not null and s.shard = :shard and s.run_id = :run_id
)
update engine.run as r
set payload = :payload,
    payload_type = nullif(:payload_type, 'application/json'),
    metadata = coalesce(:metadata, r.metadata),
    tags = case when :tags is null then r.tags
                else nullif(array(select t.tag from jsonb_array_elements_text(:tags) with ordinality as t(tag, position)
                                  order by t.position), '{}') end,
    max_attempts = coalesce(:max_attempts, r.max_attempts),
    max_duration_seconds = coalesce(:max_duration_seconds, r.max_duration_seconds),
    machine = coalesce(:machine, r.machine)
where r.shard = :shard and r.id = :run_id
