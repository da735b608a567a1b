-- What a bystander reads: the state of one run.
-- $1 text run id
select s.run_status::text, s.execution_status::text
from engine.run_state as s
where s.shard = '0' and s.run_id = $1
