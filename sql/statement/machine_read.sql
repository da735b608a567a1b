-- The configured machine presets.
-- -> name text, cpu double precision, memory double precision, cents_per_ms double precision
-- Locks: none. Index: none, there are at most seven.
select m.name, m.cpu, m.memory, m.cents_per_ms
from engine.machine as m
