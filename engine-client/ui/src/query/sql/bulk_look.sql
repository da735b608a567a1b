-- What a bulk operation would do: nothing is started.
-- $1 text action, $2 jsonb filter, $3 jsonb options or null
select to_jsonb(b) as row
from engine_bulk($1, $2, dry_run => true, options => $3) as b
