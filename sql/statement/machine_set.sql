-- Sets a machine preset.
-- $1 text name, $2 double precision cpu, $3 double precision memory, $4 double precision cents per millisecond
-- Locks: the preset's row. Index: machine_pkey.
insert into engine.machine (name, cpu, memory, cents_per_ms)
values ($1, $2, $3, $4)
on conflict (name) do update
set cpu = excluded.cpu, memory = excluded.memory, cents_per_ms = excluded.cents_per_ms
