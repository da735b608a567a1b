-- What people did, the newest first.
-- $1 bigint at most so many
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
select case set_config('TimeZone', 'UTC', true) when 'UTC' then to_jsonb(a) || jsonb_build_object(
           'action', substring(a.action from 'engine_(.*)'),
           'about', (
               select string_agg(g.key || ' ' || coalesce(g.value, 'none'), '; ' order by g.key)
               from jsonb_each_text(a.arguments) as g)) end as row
from engine.audit as a
order by a.id desc
limit $1::bigint
