-- Advice for operators. A row exists while its cause lasts, perhaps only for a moment: age says how long that has been, and
-- is null where it is unknown or does not matter. A role that reads this view sees of other sessions what Postgres shows it;
-- engine_doctor sees all.
create view engine.advice as
select w.is_problem, w.kind, w.subject, w.detail, w.hint, w.age, w.command
from engine.work_advice as w
union all
select s.is_problem, s.kind, s.subject, s.detail, s.hint, s.age, s.command
from engine.session_advice as s
union all
select v.is_problem, v.kind, v.subject, v.detail, v.hint, v.age, v.command
from engine.server_advice as v
union all
select r.is_problem, r.kind, r.subject, r.detail, r.hint, r.age, r.command
from engine.right_advice as r
union all
select q.is_problem, q.kind, q.subject, q.detail, q.hint, q.age, q.command
from engine.quota_advice as q;

comment on view engine.advice is 'Advice for operators: overdue work, transactions that hold vacuum back, settings that do not fit';
comment on column engine.advice.is_problem is 'Whether something is wrong, or may go wrong: other rows are advice';
comment on column engine.advice.age is 'How long this has been so; null where that is unknown or does not matter';
comment on column engine.advice.command is 'A statement that mends it, or the first step; null where none does';
