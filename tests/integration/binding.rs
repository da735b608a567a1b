//! What the install and update scripts bind to.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Result;
use engine_harness::{Database, Session, Workspace};

use crate::bound::calls;
use crate::update::OLD;

/// Creates overloads of functions and operators of `pg_catalog` in schema `host`, for every combination of common types
/// that `pg_catalog` lacks: each matches better than a candidate that needs a cast. Each of them raises an error.
const LAY_TRAPS: &str = "
do $lay$
declare
    types constant text[] := array['text', 'integer', 'bigint', 'double precision', 'boolean', 'jsonb', 'timestamptz', 'interval'];
    name text; a text; b text; arguments text; n integer;
begin
    foreach a in array types loop
        foreach b in array types loop
            execute format('create function host.trap(%s, %s) returns boolean language plpgsql as $$ begin raise ''trapped''; end $$', a, b);
        end loop;
    end loop;
    foreach name in array string_to_array(current_setting('trap.operators'), ' ') loop
        foreach a in array types loop
            foreach b in array types loop
                if not exists (select from pg_operator where oprname = name and oprleft = a::regtype and oprright = b::regtype) then
                    execute format('create operator host.%s (function = host.trap, leftarg = %s, rightarg = %s)', name, a, b);
                end if;
            end loop;
        end loop;
    end loop;
    for name in select distinct proname from pg_proc
                where proname = any (string_to_array(current_setting('trap.functions'), ' ')) and prokind <> 'p' loop
        foreach a in array types loop
            for n in 1..4 loop
                arguments := array_to_string(array_fill(a, array[n]), ', ');
                if to_regprocedure(format('pg_catalog.%I(%s)', name, arguments)) is null then
                    execute format('create function host.%I(%s) returns boolean language plpgsql as $$ begin raise ''trapped''; end $$', name, arguments);
                end if;
            end loop;
        end loop;
    end loop;
end
$lay$";

const OPERATORS: &str = "= <> < <= > >= + - * / % || -> ->> ? @>";

/// Dependencies on the overloads, except those of one overload on another.
const TRAPPED: &str = "pg_depend d
    where d.classid not in ('pg_operator'::regclass, 'pg_proc'::regclass)
      and (d.refclassid = 'pg_proc'::regclass and d.refobjid in (
               select oid from pg_proc where pronamespace = 'host'::regnamespace and prosrc like '%trapped%')
           or d.refclassid = 'pg_operator'::regclass and d.refobjid in (
               select oid from pg_operator where oprnamespace = 'host'::regnamespace))";

/// A database without the extension.
async fn without_extension() -> Result<Session> {
    let session = Session::open(&Database::fresh().await?).await?;
    session
        .client
        .batch_execute("drop extension engine; create schema host")
        .await?;
    // The check of all databases would not find the functions in that schema: each test here checks for itself.
    session.broken_on_purpose().await?;
    Ok(session)
}

/// A run from its trigger to its end, a call of every function, and a read of every view. Only functions of the extension are looked up in schema
/// `host` here.
async fn use_everything(session: &Session) -> Result<()> {
    let views = "select c.oid::regclass::text from pg_class c where c.relkind = 'v' and c.relnamespace = 'engine'::regnamespace";
    let views = session.client.query(views, &[]).await?;
    assert!(views.len() > 10);
    session
        .client
        .batch_execute(
            "select host.engine_set_environment('e', concurrency_limit => 1);
             select host.engine_set_queue('q', concurrency_limit => 1);
             select host.engine_set_schedule('s', 'task', '* * * * *');
             select host.engine_trigger('task', queue => 'q');
             do $$
             declare held record;
             begin
                 select * into strict held from host.engine_dequeue();
                 select * into strict held from host.engine_start_attempt(held.run_id, held.snapshot_id);
                 perform host.engine_succeed(held.run_id, held.snapshot_id, '1');
                 perform host.engine_tick();
                 perform host.engine_events(0);
                 if exists (select from host.engine_check()) then raise 'violations'; end if;
             end $$",
        )
        .await?;
    // Whatever it says of such arguments: none of the overloads is called.
    for call in calls(session).await? {
        let call = call.replacen("engine_", "host.engine_", 1);
        if let Err(error) = session.client.query(&call, &[]).await {
            assert!(
                !format!("{error:?}").contains("trapped"),
                "{call}: {error:?}"
            );
        }
    }
    for view in views {
        let read = format!("select * from {}", view.get::<_, String>(0));
        session.client.query(&read, &[]).await?;
    }
    Ok(())
}

/// Every word in front of a parenthesis below `sql`.
fn called(directory: &Path, words: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            called(&path, words)?;
            continue;
        }
        let text = fs::read_to_string(&path)?;
        for before in text.split('(') {
            let is_other = |c: char| !c.is_ascii_alphanumeric() && c != '_';
            let word = before.rsplit(is_other).next().unwrap_or_default();
            if !word.is_empty() {
                words.insert(word.to_owned());
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_install_binds_to_nothing_that_the_schema_of_its_functions_holds() -> Result<()> {
    let mut words = BTreeSet::new();
    called(&Workspace::find()?.root().join("sql"), &mut words)?;
    let words: Vec<String> = words.into_iter().collect();
    let session = without_extension().await?;
    let lay = format!(
        "set trap.functions = '{}'; set trap.operators = '{OPERATORS}'; {LAY_TRAPS}",
        words.join(" ")
    );
    session.client.batch_execute(&lay).await?;
    let laid = "pg_proc where pronamespace = 'host'::regnamespace";
    assert!(session.count(laid).await? > 500);
    session
        .client
        .batch_execute("create extension engine schema host")
        .await?;
    assert_eq!(session.count(TRAPPED).await?, 0);
    use_everything(&session).await
}

#[tokio::test]
async fn an_update_frees_what_the_old_script_bound() -> Result<()> {
    let session = without_extension().await?;
    session
        .client
        .batch_execute(
            "create function host.num_nulls(timestamptz, timestamptz, timestamptz) returns integer language plpgsql
                 as $$ begin raise 'trapped'; end $$;
             create function host.jsonb_build_object(text, jsonb) returns jsonb language plpgsql
                 as $$ begin raise 'trapped'; end $$;
             create function host.trap(double precision, integer) returns boolean language plpgsql
                 as $$ begin raise 'trapped'; end $$;
             create operator host.>= (function = host.trap, leftarg = double precision, rightarg = integer)",
        )
        .await?;
    let install = format!("create extension engine schema host version '{OLD}'");
    session.client.batch_execute(&install).await?;
    assert!(session.count(TRAPPED).await? >= 3);
    session
        .client
        .batch_execute("alter extension engine update")
        .await?;
    assert_eq!(session.count(TRAPPED).await?, 0);
    use_everything(&session).await
}

#[tokio::test]
async fn a_database_that_is_not_utf8_is_refused_in_one_sentence() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let name = format!("latin1_{}", std::process::id());
    let create = format!("create database {name} template template0 encoding 'LATIN1' locale 'C'");
    session.client.batch_execute(&create).await?;
    let server = engine_harness::Server::shared()?;
    let latin = Session {
        client: server.connect(&name).await?,
    };
    let refused = latin.refused("create extension engine").await?;
    drop(latin);
    assert_eq!(refused.code, "0A000");
    assert_eq!(
        refused.message,
        "the engine needs a database whose encoding is UTF8"
    );
    let drop = format!("drop database {name} with (force)");
    session.client.batch_execute(&drop).await?;
    Ok(())
}
