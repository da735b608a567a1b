-- The completed waitpoints that a snapshot carries, as callers see them. Read it for one snapshot at a time.
create view engine.completed_waitpoint as
select w.shard, w.run_id, w.ordinal, w.index, w.entry
from engine.carried_waitpoint as w
where not w.is_state;

comment on view engine.completed_waitpoint is 'Completed waitpoints that a snapshot carries, one row per position';
