-- Cold: the machine presets whose values differ from the built-in ones.
create table engine.machine (
    name         text collate "C" primary key,
    cpu          double precision not null check (cpu >= 0),
    memory       double precision not null check (memory >= 0),
    cents_per_ms double precision not null check (cents_per_ms >= 0)
);

comment on table engine.machine is 'Configured machine presets; the others have their built-in values and cost nothing';
comment on column engine.machine.memory is 'Gigabytes';
