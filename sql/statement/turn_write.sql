-- Writes the turn of a worker in place of its last one; writes nothing if another call has taken the same turn meanwhile.
-- :shard smallint
-- :worker_id text
-- :runner_id text
-- :turn_id text
-- :digest bytea
-- :refused jsonb: SQLSTATE and message of each completion that was refused, by its position
-- :run_ids text[]: the runs that started
-- :snapshot_ids text[]: the snapshots of their starts
-- :taken_at timestamptz
-- :forget_at timestamptz
-- Locks: the turn's row. Index: turn_pkey.
insert into engine.turn as t (shard, worker_id, runner_id, turn_id, digest, refused, run_ids, snapshot_ids, taken_at, forget_at)
values (:shard, :worker_id, :runner_id, :turn_id, :digest, :refused, :run_ids, :snapshot_ids, :taken_at, :forget_at)
on conflict (shard, worker_id, runner_id) do update
set turn_id = excluded.turn_id,
    digest = excluded.digest,
    refused = excluded.refused,
    run_ids = excluded.run_ids,
    snapshot_ids = excluded.snapshot_ids,
    taken_at = excluded.taken_at,
    forget_at = excluded.forget_at
where t.turn_id <> :turn_id
