-- Findings for operators, problems first.
-- $1 bigint milliseconds: what has lasted for less is left out
select to_jsonb(d) as row
from engine_doctor(patience_ms => $1::bigint) as d
