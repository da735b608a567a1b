-- The configured machine presets.
-- Locks: none. Index: none, there are at most seven.
select m.name, m.cpu, m.memory, m.cents_per_ms
from engine.machine as m
