-- Adds machines that are not known here.
-- $1 jsonb rows
insert into engine.machine
select m.*
from jsonb_populate_recordset(null::engine.machine, $1) as m
on conflict do nothing
