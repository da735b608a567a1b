-- Starts a bulk operation, unless its filter matches more by now.
-- $1 text action, $2 jsonb filter, $3 text reason, $4 bigint the count that was confirmed, $5 jsonb options or null
select to_jsonb(b.bulk_id) as row
from engine_bulk($1, $2, dry_run => false, reason => $3, expected_count => $4, options => $5) as b
