-- What there is of a shard: reads its runs.
-- $1 integer shard
select jsonb_build_object(
           'runs', (select count(*) from engine.run as r where r.shard = $1),
           'unfinished', (select count(*) from engine.run_state as s where s.shard = $1 and s.execution_status <> 'FINISHED')) as row
