-- Findings for operators, problems first.
-- $1 bigint at most so many
select to_jsonb(d) as row
from engine_doctor() as d
limit $1::bigint
