-- How far back the newest history reaches: null if it is all there is.
select jsonb_build_object(
           'from', case when count(*) >= 90000 then min(h.created_at) end) as row
from engine.recent_history as h
