-- Dequeues many runs in one commit.
-- $1 integer how many
select d.run_id, d.snapshot_id from engine_dequeue(max_runs => $1) as d
