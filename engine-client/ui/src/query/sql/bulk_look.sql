-- What a bulk operation would do: nothing is started.
-- $1 text action, $2 jsonb filter
select to_jsonb(b) as row
from engine_bulk($1, $2, dry_run => true) as b
