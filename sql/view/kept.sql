-- How many runs are kept, since when, and whether the sweep keeps up, in one row. The number is that of Postgres's
-- statistics; the oldest run is looked for where ids begin, and where those begin that the engine makes.
create view engine.kept as
select greatest(c.reltuples::bigint, t.n_live_tup, 0) as run_count,
       (
           select min(o.created_at)
           from (
               (select r.created_at from engine.run as r order by r.shard, r.id limit 1)
               union all
               (select r.created_at from engine.run as r where r.shard = 0 and r.id >= 'c' order by r.id limit 1)
           ) as o
       ) as oldest_at,
       not p.removes_none as is_swept,
       case when p.removes_none then 0 else s.due_stretches end as due_stretches,
       case when not p.removes_none then s.due_since end as due_since
from pg_class as c
join pg_stat_user_tables as t on t.relid = c.oid
cross join (
    select coalesce(bool_or(k.environment_id = '' and k.task = '' and k.queue = '' and k.outcome = ''), false)
           and count(k.keep) = 0 as removes_none
    from engine.retention as k
) as p
cross join (
    select count(*) as due_stretches, min(s.due_at) as due_since
    from engine.stretch as s
    where s.due_at <= (select t.now from engine.clock as t)
) as s
where c.oid = 'engine.run_state'::regclass;

comment on view engine.kept is 'How many runs are kept, since when, and whether the sweep keeps up, in one row';
comment on column engine.kept.run_count is 'About how many runs there are, as Postgres estimates it';
comment on column engine.kept.is_swept is 'Whether any run is ever removed: not if every policy says for ever';
comment on column engine.kept.due_stretches is 'Stretches of runs that are due for a look of the sweep; with a running tick none stays for long';
comment on column engine.kept.due_since is 'Since when the first of them is due';
