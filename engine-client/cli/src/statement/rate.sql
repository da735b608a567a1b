-- Recent activity per second, and the server's clock: one row.
select to_jsonb(r) || jsonb_build_object('time', clock_timestamp(), 'database', current_database()) as row
from engine.rate as r
