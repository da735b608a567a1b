//! Triggers that operators add to the engine's tables: they see its rows as those of an INSERT.

use anyhow::Result;
use engine_harness::{Database, Session};

/// Notes every new row, one by one and a statement at a time, and marks runs.
const AUDIT: &str = "
    create table public.audit (source text, table_name text, number bigint);
    create function public.each() returns trigger language plpgsql as $$
    begin
        insert into public.audit values ('row', tg_table_name, 1);
        return null;
    end $$;
    create function public.together() returns trigger language plpgsql as $$
    begin
        insert into public.audit select 'statement', tg_table_name, count(*) from fresh;
        return null;
    end $$;
    create function public.mark() returns trigger language plpgsql as $$
    begin
        new.payload := 'marked';
        return new;
    end $$;
    create trigger mark before insert on engine.run for each row execute function public.mark();
    do $$
    declare
        name text;
    begin
        foreach name in array array['run', 'run_state', 'snapshot', 'queue_item', 'heartbeat'] loop
            execute format('create trigger each after insert on engine.%I for each row execute function public.each()', name);
            execute format('create trigger together after insert on engine.%I referencing new table as fresh
                            for each statement execute function public.together()', name);
        end loop;
    end $$";

#[tokio::test]
async fn triggers_of_an_operator_run_for_every_row_that_is_written() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.client.batch_execute(AUDIT).await?;
    let trigger = "select count(*) from engine_trigger_many((select jsonb_agg(jsonb_build_object('task', 'test')) from generate_series(1, 3)))";
    session.client.query_one(trigger, &[]).await?;
    let start = "select count(*) from engine_work(max_runs => 3) where payload = 'marked'";
    let marked: i64 = session.client.query_one(start, &[]).await?.get(0);
    assert_eq!(marked, 3, "a trigger before a row changes it");
    for (table, rows) in [
        ("run", 3),
        ("run_state", 3),
        ("snapshot", 9),
        ("queue_item", 3),
        ("heartbeat", 3),
    ] {
        for source in ["row", "statement"] {
            let sql = "select coalesce(sum(number), 0)::bigint from public.audit where source = $1 and table_name = $2";
            let noted: i64 = session
                .client
                .query_one(sql, &[&source, &table])
                .await?
                .get(0);
            assert_eq!(noted, rows, "{source} triggers of {table}");
        }
    }
    session.check().await
}

#[tokio::test]
async fn a_constraint_that_an_operator_adds_holds() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let sql = "alter table engine.run add constraint known check (task <> 'forbidden')";
    session.client.batch_execute(sql).await?;
    session.trigger("test").await?;
    let refused = session
        .client
        .query("select engine_trigger('forbidden')", &[])
        .await;
    let code = refused.err().and_then(|error| error.code().cloned());
    assert_eq!(code.as_ref().map(|code| code.code()), Some("23514"));
    assert_eq!(session.count("engine.run").await?, 1);
    session.check().await
}
