-- A transition: the state of a run moves, and its snapshot is written.
-- $1 bigint number of the run, $2 text new status
with moved as (
    update state as s
    set status = $2,
        snapshot_id = 'cmf0000000000000000000001',
        ordinal = s.ordinal + 1,
        attempt_number = coalesce(s.attempt_number, 0) + 1,
        started_at = coalesce(s.started_at, now()),
        updated_at = now()
    where s.id = key_of($1)
    returning s.id, s.ordinal, s.status, s.snapshot_id, s.updated_at
)
insert into snapshot
select m.id, m.ordinal, m.status, m.snapshot_id, 'Moved', m.updated_at
from moved as m
