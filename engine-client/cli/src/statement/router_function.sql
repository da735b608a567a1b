-- Functions that name by one argument where they belong: an id as the first one, or an environment.
select jsonb_build_object(
           'name', p.proname,
           'arguments', pg_get_function_arguments(p.oid),
           'result', pg_get_function_result(p.oid),
           'place', case
               when p.proargnames[1] in ('run_id', 'waitpoint_id', 'batch_id') then 'of_id($1)'
               else format('of_environment($%s)', array_position(p.proargnames, 'environment_id')) end) as row
from pg_proc as p
join pg_depend as d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
join pg_extension as x on x.oid = d.refobjid and x.extname = 'engine'
where p.prokind = 'f'
  and (p.proargnames[1] in ('run_id', 'waitpoint_id', 'batch_id') or 'environment_id' = any (p.proargnames[1:p.pronargs]))
  and p.proname not in ('engine_grant', 'engine_revoke')
order by p.proname
