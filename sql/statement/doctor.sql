-- Findings for operators, problems first.
-- :patience_ms bigint: what has lasted for less is left out
-- -> weight text, kind text, subject text, detail text, hint text, command text null, age_ms bigint null
-- Locks: none. Reads queue items, deadlines, edges, the newest history, and the statistics of the server.
select case when a.is_problem then 'problem' else 'advice' end as weight,
       a.kind,
       a.subject,
       a.detail,
       a.hint,
       a.command,
       case when a.age is not null then greatest(0, (extract(epoch from a.age) * 1000)::bigint) end as age_ms
from engine.advice as a
where a.age is null or a.age >= :patience_ms * interval '1 millisecond'
order by a.is_problem desc, a.kind, a.subject = '', a.subject
