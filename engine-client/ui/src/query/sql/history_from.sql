-- Since when what is gathered per minute is complete: null if nothing was left out.
select jsonb_build_object('from', max(m.complete_since)) as row
from engine.minute_reach as m
