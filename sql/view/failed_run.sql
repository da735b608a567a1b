-- Runs that failed, for those who look at them. Failures of one kind have task, error code and fingerprint in common.
create view engine.unfiltered_failed_run as
select f.shard,
       f.run_id,
       f.environment_id,
       f.failed_at,
       f.triggered_at,
       f.task,
       f.queue,
       f.concurrency_key,
       f.version,
       f.run_status,
       f.is_dead_lettered,
       f.error_code,
       f.fingerprint,
       f.message
from engine.failure as f;

comment on view engine.unfiltered_failed_run is 'Runs that failed, with what their errors have in common, of all environments';

create view engine.failed_run with (security_barrier) as
select f.shard, f.run_id, f.environment_id, f.failed_at, f.triggered_at, f.task, f.queue, f.concurrency_key, f.version,
       f.run_status, f.is_dead_lettered, f.error_code, f.fingerprint, f.message
from engine.unfiltered_failed_run as f
where (select v.is_everywhere from engine.read_scope as v)
   or f.environment_id = any ((select v.environment_ids from engine.read_scope as v)::text[]);

comment on view engine.failed_run is 'Runs that failed, with what their errors have in common';
comment on column engine.failed_run.error_code is 'The code of its error, its name, or else its type';
comment on column engine.failed_run.fingerprint is 'The message without numbers, ids, quoted texts, addresses and paths';
