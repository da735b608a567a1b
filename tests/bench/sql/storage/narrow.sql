-- What a run is now, beside what it was asked to be, which no transition touches.
create table state (
    id             key primary key,
    status         text not null,
    snapshot_id    text not null,
    ordinal        integer not null,
    attempt_number integer,
    machine        text,
    started_at     timestamptz,
    updated_at     timestamptz not null
) with (fillfactor = 50);
insert into state
select key_of(n), 'QUEUED', 'cmf0000000000000000000000', 1, null, 'small-1x', null, now()
from generate_series(1, 100000) as n;
