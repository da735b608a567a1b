-- Recent activity per second, and the server's clock: one row.
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
select case set_config('TimeZone', 'UTC', true) when 'UTC'
           then to_jsonb(r) || jsonb_build_object('time', clock_timestamp(), 'database', current_database())
       end as row
from engine.rate as r
