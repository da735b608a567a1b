-- Triggers many runs in one commit.
-- $1 jsonb array of runs
select count(*) from engine_trigger_many(runs => $1)
