-- What a run is now, and what it was asked to be with a payload of 1 kB, in one row.
create table state (
    id             key primary key,
    status         text not null,
    snapshot_id    text not null,
    ordinal        integer not null,
    attempt_number integer,
    machine        text,
    started_at     timestamptz,
    updated_at     timestamptz not null,
    environment_id text not null,
    task           text not null,
    queue          text not null,
    worker_queue   text not null,
    payload        text not null,
    created_at     timestamptz not null
) with (fillfactor = 50);
insert into state
select key_of(n), 'QUEUED', 'cmf0000000000000000000000', 1, null, 'small-1x', null, now(), 'default', 'noop', 'task/noop', 'main',
       repeat('x', 1000), now()
from generate_series(1, 100000) as n;
