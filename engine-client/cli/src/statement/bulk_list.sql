-- Bulk actions, the newest first.
-- $1 text only this one, with or without its prefix; null for all, $2 bigint at most so many
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
select case set_config('TimeZone', 'UTC', true) when 'UTC' then to_jsonb(b) end as row
from engine.bulk as b
where $1::text is null or b.bulk_id in ($1, 'bulk_' || $1)
order by b.created_at desc
limit $2::bigint
