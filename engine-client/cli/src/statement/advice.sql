-- Advice for operators, problems first.
-- $1 bigint milliseconds: what has lasted for less is left out
select jsonb_build_object(
           'is_problem', a.is_problem,
           'kind', a.kind,
           'subject', a.subject,
           'detail', a.detail,
           'hint', a.hint,
           'age_ms', (extract(epoch from a.age) * 1000)::bigint) as row
from engine.advice as a
where a.age is null or a.age >= $1::bigint * interval '1 millisecond'
order by a.is_problem desc, a.kind, a.subject
