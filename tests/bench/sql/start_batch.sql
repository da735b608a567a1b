-- Starts an attempt of many runs in one commit.
-- $1 text[] run ids, $2 text[] snapshot ids, element by element
select s.run_id, s.snapshot_id from engine_start_many($1, $2) as s
