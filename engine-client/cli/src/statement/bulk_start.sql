-- Starts a bulk action, or looks at its runs.
-- $1 text action, $2 jsonb filter, $3 boolean only look, $4 text reason, $5 jsonb options, $6 bigint expected count; null for none
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
select case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
           'bulk_id', b.bulk_id,
           'count', b.count,
           'is_exact', b.is_exact,
           'statuses', b.statuses,
           'oldest_at', b.oldest_at,
           'newest_at', b.newest_at,
           'samples', b.samples) end as row
from engine_bulk(
    action => $1, filter => $2, dry_run => $3, reason => $4, options => $5, expected_count => $6) as b
