-- Advice about the server and the catalog: vacuum, indexes, settings, the version, preloading. Of settings that a role may not read
-- nothing is said.
create view engine.server_advice as
with preload as materialized (
    select exists (
               select from regexp_split_to_table(s.setting, '\s*,\s*') as l(library)
               where l.library ~ '(^|/)"?engine(\.so)?"?$') as is_preloaded,
           concat_ws(', ', nullif(s.setting, ''), 'engine') as libraries
    from pg_settings as s
    where s.name = 'shared_preload_libraries'
), ticker as materialized (
    select t.role
    from (
        select nullif(current_setting('engine.database', true), '') as database, nullif(current_setting('engine.role', true), '') as role
    ) as t
    where t.database = current_database() and not pg_is_in_recovery()
)
select t.n_dead_tup > 10 * t.n_live_tup and t.n_dead_tup > 1000000 as is_problem,
       'vacuum' as kind,
       t.relname::text as subject,
       format('Table engine.%s has %s dead rows and %s live ones.', t.relname, t.n_dead_tup, t.n_live_tup) as detail,
       'Lower autovacuum_naptime to 5s, raise autovacuum_vacuum_cost_limit, and look for long transactions.' as hint,
       format('vacuum engine.%I', t.relname) as command,
       null::interval as age
from pg_stat_user_tables as t
where t.schemaname = 'engine' and t.n_dead_tup > 50000 and t.n_dead_tup > 2 * t.n_live_tup
union all
select true, 'vacuum', c.relname,
       format('Autovacuum is off for table engine.%s.', c.relname),
       'Switch it on again.',
       format('alter table engine.%I reset (autovacuum_enabled)', c.relname),
       null
from pg_class as c
cross join lateral pg_options_to_table(c.reloptions) as o
where c.relnamespace = 'engine'::regnamespace
  and o.option_name = 'autovacuum_enabled' and not o.option_value::boolean
union all
select true, 'index', c.relname,
       format('Index engine.%s is not valid: no plan uses it.', c.relname),
       'Build it again.',
       format('reindex index concurrently engine.%I', c.relname),
       null
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
where c.relnamespace = 'engine'::regnamespace and not i.indisvalid
union all
select w.is_problem, 'setting', s.name, format('%s is %s. %s', s.name, s.setting, w.consequence),
       format('Set it to "%s"%s.', w.fit, case when s.source in ('database', 'user', 'database user', 'client', 'session', 'command line')
           then format('; it was set by: %s', s.source) else ', and reload the configuration' end),
       case s.source
           when 'database' then format('alter database %I reset %s', current_database(), s.name)
           when 'user' then format('alter role %I reset %s', session_user, s.name)
           when 'database user' then format('alter role %I in database %I reset %s', session_user, current_database(), s.name)
           when 'client' then null
           when 'session' then null
           else format('alter system set %s = %L', s.name, w.fit)
       end,
       null
from (values
    (true, 'autovacuum', 'off', 'on', 'Dead rows remain, and every dequeue scans them.'),
    (true, 'track_counts', 'off', 'on', 'Autovacuum does not run without it.'),
    (true, 'fsync', 'off', 'on', 'A crash of the machine may corrupt the data.'),
    (true, 'full_page_writes', 'off', 'on', 'A crash of the machine may leave torn pages.'),
    (true, 'default_transaction_isolation', 'repeatable read', 'read committed', 'Functions that lock runs refuse this level.'),
    (true, 'default_transaction_isolation', 'serializable', 'read committed', 'Functions that lock runs refuse this level.'),
    (true, 'default_transaction_read_only', 'on', 'off', 'Nothing can be triggered, dequeued or completed.'),
    (false, 'synchronous_commit', 'off', 'on', 'A crash may lose the last commits, and triggers with them.')
) as w(is_problem, name, unfit, fit, consequence)
join pg_settings as s on s.name = w.name and s.setting = w.unfit
union all
select false, 'version', x.extname,
       format('Version %s is installed on the server, and this database has %s.', v.default_version, x.extversion),
       'Update the extension, and reconnect.',
       'alter extension engine update',
       null
from pg_extension as x
join pg_available_extensions as v on v.name = x.extname
where x.extname = 'engine' and v.default_version <> x.extversion
union all
select true, 'preload', 'engine.database',
       case when p.is_preloaded then format('The background worker is to tick in this database as role "%s", and does not run.', t.role)
            else 'The background worker is to tick in this database, and the library is not preloaded.' end,
       case when p.is_preloaded then 'See the log of the server: the role must exist, and may not be a superuser.'
            else 'Add it to shared_preload_libraries, and restart the server.' end,
       case when not p.is_preloaded then format('alter system set shared_preload_libraries = %s', p.libraries) end,
       null
from ticker as t
cross join preload as p
where not exists (select from pg_stat_activity as a where a.backend_type = 'engine tick' and a.datname = current_database())
union all
select false, 'preload', 'shared_preload_libraries',
       format('The library is not preloaded, and environments have a limit: %s. Dequeues of each run one after another, and those that wait poll.',
              e.count),
       'Add it to shared_preload_libraries, and restart the server.',
       format('alter system set shared_preload_libraries = %s', p.libraries),
       null
from preload as p
cross join (
    select count(*) as count from engine.environment as e where e.concurrency_limit is not null and e.archived_at is null
) as e
where not p.is_preloaded and e.count > 0;

comment on view engine.server_advice is 'Part of engine.advice: vacuum, indexes, settings, version, preloading';
