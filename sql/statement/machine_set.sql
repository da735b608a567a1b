-- Sets a machine preset.
-- :name text
-- :cpu double precision
-- :memory double precision
-- :cents_per_ms double precision: cents per millisecond
-- Locks: the preset's row. Index: machine_pkey.
insert into engine.machine (name, cpu, memory, cents_per_ms)
values (:name, :cpu, :memory, :cents_per_ms)
on conflict (name) do update
set cpu = excluded.cpu, memory = excluded.memory, cents_per_ms = excluded.cents_per_ms
