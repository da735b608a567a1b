-- Replaces the options of a locked run that is still delayed by those of its last trigger.
-- $1 smallint shard, $2 text run id, $3 text payload, $4 text its type, $5 jsonb metadata, $6 jsonb tags (an array of texts),
-- $7 integer max attempts, $8 integer max duration (s), $9 text machine; null keeps what is there
-- Locks: run state held by run_lock; the run's row. Index: run_pkey.
update engine.run as r
set payload = $3,
    payload_type = $4,
    metadata = coalesce($5, r.metadata),
    tags = case when $6 is null then r.tags
                else array(select t.tag from jsonb_array_elements_text($6) with ordinality as t(tag, position)
                           order by t.position) end,
    max_attempts = coalesce($7, r.max_attempts),
    max_duration_seconds = coalesce($8, r.max_duration_seconds),
    machine = coalesce($9, r.machine)
where r.shard = $1 and r.id = $2
