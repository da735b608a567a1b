-- What the sessions of this database have reported so far.
select sum(t.n_tup_ins + t.n_tup_upd + t.n_tup_del)::bigint as rows,
       sum(t.n_dead_tup)::bigint as dead_tuples,
       (select d.xact_commit + d.xact_rollback
        from pg_stat_database as d
        where d.datname = current_database()) as transactions,
       current_setting('server_version_num')::integer as version
from pg_stat_user_tables as t
