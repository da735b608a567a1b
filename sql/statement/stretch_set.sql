-- Writes when the sweep looks at a stretch again.
-- :shard smallint
-- :first_id text
-- :due_at timestamptz
-- :looked_at timestamptz
-- :run_count integer
-- Locks: the stretch's row. Index: stretch_pkey, stretch_due.
insert into engine.stretch (shard, first_id, due_at, looked_at, run_count)
values (:shard, :first_id, :due_at, :looked_at, :run_count)
on conflict (shard, first_id) do update
set due_at = excluded.due_at, looked_at = excluded.looked_at, run_count = excluded.run_count
