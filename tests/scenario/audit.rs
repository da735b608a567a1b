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

/// A trigger that only notes that it was called, for each row of each hot table.
const IDLE_TRIGGERS: &str = "
    create table public.seen (what text);
    create function public.idle() returns trigger language plpgsql as $$
    begin
        insert into public.seen values (tg_op || ' ' || tg_table_name);
        return coalesce(new, old);
    end $$;
    do $$
    declare
        name text;
    begin
        foreach name in array array['run_state', 'queue_item', 'heartbeat'] loop
            execute format('create trigger idle before update or delete on engine.%I for each row execute function public.idle()', name);
        end loop;
    end $$";

/// Runs that are dequeued, started, completed, failed and left in each of their states.
const LIVES: &str = "
    select engine_set_environment('limited', concurrency_limit => 5);
    select engine_trigger('test', machine => 'small-2x', retry => '{\"maxAttempts\": 4}') from generate_series(1, 4);
    select engine_trigger('test', environment_id => 'limited', concurrency_key => 'k') from generate_series(1, 4);
    create table public.held as select run_id, snapshot_id from engine_dequeue(max_runs => 3);
    create table public.begun as
        select s.run_id, s.snapshot_id from public.held as h cross join lateral engine_start_attempt(h.run_id, h.snapshot_id) as s limit 2;
    create table public.worked as select run_id, snapshot_id, row_number() over () as number from engine_work(max_runs => 4) where kind = 'started';
    select engine_complete_attempt(run_id, snapshot_id, '{\"ok\": true, \"output\": \"7\", \"outputType\": \"text/plain\"}')
    from (select run_id, snapshot_id from public.begun limit 1) as b;
    select * from engine_work((
        select jsonb_agg(jsonb_build_object('run_id', run_id, 'snapshot_id', snapshot_id) || case number
            when 1 then '{\"ok\": true, \"output\": \"1\", \"outputType\": \"application/json\"}'::jsonb
            when 2 then '{\"ok\": false, \"retry\": false, \"error\": {\"type\": \"STRING_ERROR\", \"raw\": \"broken\"}}'::jsonb
            else '{\"ok\": false, \"error\": {\"type\": \"STRING_ERROR\", \"raw\": \"again\"}}'::jsonb end)
        from public.worked), max_runs => 0)";

/// All rows of the hot tables, without what differs from database to database.
const ROWS: &str = r#"
    select string_agg(r.name || ' ' || c.row, E'\n' order by r.name, c.row)
    from (
        select 'run_state' as name, to_jsonb(t) as row from engine.run_state as t
        union all select 'queue_item', to_jsonb(t) from engine.queue_item as t
        union all select 'heartbeat', to_jsonb(t) from engine.heartbeat as t
        union all select 'snapshot', to_jsonb(t) from engine.snapshot as t
    ) as r
    cross join lateral (
        select jsonb_object_agg(key, case
            when key ~ '(_at|_id|^id|position|horizon|usage_duration_ms)$' and value <> 'null' then '"some"' else value end)::text as row
        from jsonb_each(r.row)
    ) as c"#;

#[tokio::test]
async fn the_same_is_written_where_triggers_look_on() -> Result<()> {
    let mut written = Vec::new();
    for triggers in ["", IDLE_TRIGGERS] {
        let session = Session::open(&Database::fresh().await?).await?;
        session.client.batch_execute(triggers).await?;
        session.client.batch_execute(LIVES).await?;
        let rows: String = session.client.query_one(ROWS, &[]).await?.get(0);
        assert_eq!(
            rows.matches("FINISHED").count(),
            10,
            "five runs and their last snapshots: {rows}"
        );
        written.push(rows);
        if triggers == IDLE_TRIGGERS {
            let sql = "select string_agg(distinct what, ', ' order by what) from public.seen";
            let seen: String = session.client.query_one(sql, &[]).await?.get(0);
            assert_eq!(
                seen,
                "DELETE heartbeat, DELETE queue_item, UPDATE heartbeat, UPDATE run_state"
            );
        }
        session.check().await?;
    }
    assert_eq!(written[0], written[1]);
    Ok(())
}
