-- Findings for operators, problems first.
select to_jsonb(d) as row
from engine_doctor() as d
