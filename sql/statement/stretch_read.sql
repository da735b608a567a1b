-- The runs of a stretch, in the order of their ids, as retention policies see them, with the number of rows that each takes along:
-- its snapshots, and two kilobytes of payload or output for another one. The states are read along their index, and not one by one.
-- :shard smallint
-- :first_id text
-- :end_id text: the id before which it ends
-- :max_runs integer: most rows
-- -> id text, environment_id text, environment_type text, is_test boolean, task text, queue text, run_status text,
-- -> changed_at timestamptz, row_count integer, keep_ms bigint null
-- Locks: none. Index: run_pkey, run_state_pkey.
with run as materialized (
    select r.id, r.environment_id, r.environment_type, r.is_test, r.task, r.queue, pg_column_size(r.payload) as payload_size
    from engine.run as r
    where r.shard = :shard and r.id >= :first_id and r.id < :end_id
    order by r.id
    limit :max_runs
)
select r.id, r.environment_id, r.environment_type::text, r.is_test, r.task, r.queue, s.run_status::text,
       coalesce(s.completed_at, s.updated_at) as changed_at,
       s.snapshot_ordinal + (r.payload_size + coalesce(s.output_size, 0)) / 2000 as row_count, s.keep_ms
from (select min(r.id) as first_id, max(r.id) as last_id from run as r) as g
cross join lateral (
    select s.run_id, s.run_status, s.completed_at, s.updated_at, s.snapshot_ordinal, pg_column_size(s.output) as output_size, s.keep_ms
    from engine.run_state as s
    where s.shard = :shard and s.run_id >= g.first_id and s.run_id <= g.last_id
    offset 0
) as s
join run as r on r.id = s.run_id
order by r.id
