-- Makes one in a hundred of the finished runs one that failed, as the lists see it: its state, and what is noted of a failure.
with failed as (
    update engine.run_state as s
    set run_status = 'COMPLETED_WITH_ERRORS',
        error = jsonb_build_object('type', 'STRING_ERROR', 'raw', 'no answer from ' || s.run_id)
    where s.execution_status = 'FINISHED' and hashtext(s.run_id) % 100 = 0
    returning s.shard, s.run_id, s.run_status, s.is_dead_lettered, s.completed_at
)
insert into engine.failure (
    failed_at, triggered_at, run_status, shard, is_dead_lettered, run_id, environment_id, task, queue, error_code, fingerprint, message)
select f.completed_at, r.created_at, f.run_status, f.shard, f.is_dead_lettered, f.run_id, r.environment_id, r.task, r.queue,
       'STRING_ERROR', 'no answer from *', 'no answer from ' || f.run_id
from failed as f
join engine.run as r on r.shard = f.shard and r.id = f.run_id
