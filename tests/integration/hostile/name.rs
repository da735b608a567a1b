//! What a role puts in front of a call: functions, operators, casts, domains, tables of its own.

use anyhow::Result;

use super::{Hostile, code};

/// Functions and operators for common types, named as those of `pg_catalog`, in the schema `trap`. Each notes which role it runs as.
const LAY: &str = "
    create table trap.caught (by_role text, what text);
    create function trap.note(what text) returns void language sql as $$ insert into trap.caught select current_user, what $$;
    create function trap.trap(anyelement, anyelement) returns boolean language plpgsql as
        $$ begin perform trap.note('operator'); return true; end $$;
    do $lay$
    declare
        type text;
        name text;
    begin
        foreach type in array array['text', 'integer', 'bigint', 'jsonb', 'timestamptz', 'smallint', 'boolean'] loop
            execute format('create function trap.compare(%1$s, %1$s) returns boolean language plpgsql as
                            $$ begin perform trap.note(''operator''); return true; end $$', type);
            foreach name in array array['=', '<>', '<', '<=', '>', '>='] loop
                execute format('create operator trap.%s (function = trap.compare, leftarg = %s, rightarg = %s)', name, type, type);
            end loop;
            foreach name in array array['coalesce_', 'count', 'max', 'min', 'unnest', 'lower', 'length', 'octet_length', 'to_jsonb',
                                        'jsonb_typeof', 'jsonb_array_elements', 'clock_timestamp', 'greatest_', 'pg_has_role',
                                        'current_setting', 'pg_current_snapshot', 'pg_snapshot_xmin', 'array_length'] loop
                execute format('create function trap.%s(%s) returns text language plpgsql as
                                $$ begin perform trap.note(''function''); return null; end $$', name, type);
            end loop;
        end loop;
    end $lay$;
    create domain trap.text as pg_catalog.text check (trap.trap(value, value));
    create type trap.jsonb as (a integer);
    create type trap.timestamptz as enum ('now')";

#[tokio::test]
async fn nothing_that_stands_first_in_the_path_is_called_by_a_function_even_for_its_owner()
-> Result<()> {
    let hostile = Hostile::new().await?;
    let session = hostile.session().await?;
    let plain = Hostile::life(&session).await?;
    session.client.batch_execute(LAY).await?;
    let path = "set search_path = trap, pg_catalog, public";
    let tables = "create temporary table run (id text); create temporary table pg_class (oid oid); \
                  create temporary table run_state (id text); create temporary table snapshot (id text)";
    // The path of an owner who calls the same functions, as a timekeeper of the database would.
    let victim = &hostile.owner;
    let allow = "grant usage on schema trap to public; alter default privileges in schema trap grant all on tables to public";
    victim.client.batch_execute(allow).await?;
    for caller in [&session, victim] {
        caller.client.batch_execute(tables).await?;
        // PL/pgSQL would look up what LIFE itself compares: only the calls are made under that path.
        caller.client.batch_execute(path).await?;
        for call in [
            "pg_catalog.count(*) from public.engine_trigger('t', environment_id => 'own', worker_queue => 'own', tags => array['a'])",
            "* from public.engine_work(null, 'own', max_runs => 2, environment_id => 'own')",
            "* from public.engine_execution_data('x')",
            "* from public.engine_retention()",
            "* from public.engine_set_queue('q', 'own', concurrency_limit => 3)",
            "* from public.engine_set_schedule('s', 't', '* * * * *', environment_id => 'own')",
            "pg_catalog.count(*) from engine.run_overview",
            "pg_catalog.count(*) from engine.event",
            "pg_catalog.count(*) from engine.queue_stats",
        ] {
            assert_eq!(code(caller, &format!("select {call}")).await?, "", "{call}");
        }
        caller
            .client
            .batch_execute("set search_path = public, pg_catalog")
            .await?;
    }
    victim.tick().await?;
    assert_eq!(victim.count("trap.caught").await?, 0);
    victim
        .client
        .batch_execute("set search_path = public")
        .await?;
    let plain_again = Hostile::life(&session).await?;
    assert_eq!(plain, plain_again);
    hostile.end().await
}

#[tokio::test]
async fn a_cast_or_a_domain_of_the_caller_runs_as_the_caller() -> Result<()> {
    let hostile = Hostile::new().await?;
    let session = hostile.session().await?;
    let make = "
        create table trap.caught (by_role text);
        create function trap.note(text) returns boolean language plpgsql as
            $$ begin insert into trap.caught values (current_user); return true; end $$;
        create domain trap.label as text check (trap.note(value));
        create type trap.wrapped as (value text);
        create function trap.unwrap(trap.wrapped) returns text language plpgsql as
            $$ begin insert into trap.caught values (current_user); return ($1).value; end $$;
        create cast (trap.wrapped as text) with function trap.unwrap(trap.wrapped) as implicit";
    session.client.batch_execute(make).await?;
    for task in ["'t'::trap.label", "row('t')::trap.wrapped"] {
        let trigger = format!("select engine_trigger({task}, environment_id => 'own')");
        assert_eq!(code(&session, &trigger).await?, "", "{task}");
    }
    let callers = "select array_agg(distinct by_role) from trap.caught";
    let row = hostile.owner.client.query_one(callers, &[]).await?;
    let by: Vec<String> = row.get(0);
    assert_eq!(by.join(" "), hostile.role);
    hostile.end().await
}

#[tokio::test]
async fn a_role_puts_nothing_of_its_own_upon_the_tables() -> Result<()> {
    let hostile = Hostile::new().await?;
    let session = hostile.session().await?;
    let function = "create function trap.fire() returns trigger language plpgsql as $$ begin return null; end $$; \
                    create function trap.event() returns event_trigger language plpgsql as $$ begin end $$";
    session.client.batch_execute(function).await?;
    for sql in [
        "create trigger t before insert on engine.run for each row execute function trap.fire()",
        "create rule r as on insert to engine.run do instead nothing",
        "create policy p on engine.run using (true)",
        "create index on engine.run (task)",
        "create event trigger e on ddl_command_start execute function trap.event()",
        "create event trigger e on ddl_command_end execute function trap.event()",
        "create event trigger e on sql_drop execute function trap.event()",
        "create event trigger e on table_rewrite execute function trap.event()",
        // Since 17, which would run it in every session that begins.
        "create event trigger e on login execute function trap.event()",
        "create publication p for table engine.run",
        "create statistics trap.s on task, queue from engine.run",
        "create table trap.child () inherits (engine.run)",
        "alter table engine.run add column x integer",
        "alter function engine_trigger set search_path = trap",
        "create or replace function public.engine_version() returns text language sql as 'select 1::text'",
        "alter extension engine update",
        "drop extension engine",
        "begin; lock table engine.run in access share mode",
        "select engine_grant(current_user, 'tick')",
        "insert into engine.grant select 0, 'read', '*', now()",
        "copy engine.run to stdout",
        "select nextval('engine.event_position')",
        "select setval('engine.test_clock', 1)",
        "truncate engine.setting_change",
    ] {
        let code = code(&session, sql).await?;
        session.client.batch_execute("rollback").await?;
        assert!(code == "42501" || code == "42809", "{sql}: {code}");
    }
    hostile.end().await
}
