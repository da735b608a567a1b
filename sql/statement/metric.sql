-- The figures for monitoring, those of one name together.
-- -> name text, kind text, help text, labels jsonb, value double precision
-- Locks: none. Reads queue items, deadlines, the newest history, and the statistics of the server.
select m.name, m.kind, m.help, m.labels, m.value
from engine.metric as m
where m.value is not null
order by m.name, m.labels
