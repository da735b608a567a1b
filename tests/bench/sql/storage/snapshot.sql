-- The history, with the first snapshot of every run.
create table snapshot (
    id          key not null,
    ordinal     integer not null,
    status      text not null,
    snapshot_id text not null,
    description text not null,
    created_at  timestamptz not null,
    primary key (id, ordinal)
);
insert into snapshot
select s.id, 1, s.status, s.snapshot_id, 'Triggered', s.updated_at
from state as s;
