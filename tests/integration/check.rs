//! engine_check finds every kind of damage, one invariant at a time.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

/// Four runs: `q` is queued, `p` dequeued, `x` executes, `f` is finished.
async fn four_runs(session: &Session) -> Result<()> {
    for run in ["f", "x", "p"] {
        session
            .trigger_with(&format!("'test', run_id => '{run}'"))
            .await?;
        let held = session.dequeue().await?.context("nothing is queued")?;
        if run == "p" {
            continue;
        }
        let held = session.start(&held).await?;
        if run == "f" {
            session.complete(&held, json!({"ok": true})).await?;
        }
    }
    session.trigger_with("'test', run_id => 'q'").await?;
    session.check().await
}

/// A run `no` that failed before it was triggered.
async fn failed_run(session: &Session) -> Result<()> {
    let sql = "select engine_create_failed_run('{\"task\": \"no\", \"run_id\": \"no\"}', \
                                               '{\"type\": \"STRING_ERROR\", \"raw\": \"no\"}')";
    Ok(session.client.batch_execute(sql).await?)
}

/// Runs `sql` and rolls back; returns the kinds of violations that engine_check finds in between, each once.
async fn kinds_after(session: &Session, sql: &str) -> Result<Vec<String>> {
    session.client.batch_execute("begin").await?;
    session.client.batch_execute(sql).await?;
    let found = session.violations().await?;
    session.client.batch_execute("rollback").await?;
    let mut kinds: Vec<String> = found.into_iter().map(|violation| violation.kind).collect();
    kinds.dedup();
    Ok(kinds)
}

/// Kinds that are about no shard: schedules are looked for by their time, and events are numbered for the whole database.
const OF_NO_SHARD: [&str; 3] = ["schedule", "event_reader", "event_horizon"];

/// What `sql` breaks is found, and where the shard is elsewhere it is not: of that there may be a part only.
async fn finds(session: &Session, sql: &str, expected: &[&str]) -> Result<()> {
    assert_eq!(kinds_after(session, sql).await?, expected, "{sql}");
    let elsewhere = format!(
        "{sql}; insert into engine.shard (number, state, changed_at, has_come) values (0, 'AWAY', now(), false)"
    );
    let expected: Vec<&str> = expected
        .iter()
        .copied()
        .filter(|kind| OF_NO_SHARD.contains(kind))
        .collect();
    assert_eq!(kinds_after(session, &elsewhere).await?, expected, "{sql}");
    Ok(())
}

#[tokio::test]
async fn every_kind_of_violation_is_found_and_no_other_with_it() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    four_runs(&session).await?;
    failed_run(&session).await?;
    let newer = "insert into engine.snapshot (shard, run_id, ordinal, id, transition, execution_status, run_status, \
                                              attempt_number, position, horizon, description, created_at) \
                 select shard, run_id, ordinal + 1, 'z', transition, execution_status, run_status, attempt_number, \
                        position + 1000, horizon, description, created_at \
                 from engine.snapshot where run_id = 'f' and execution_status = 'FINISHED'";
    let copy = |table: &str, of: &str, changes: &str| {
        format!(
            "insert into engine.{table} \
             select (jsonb_populate_record(t, '{changes}')).* from engine.{table} as t where run_id = '{of}'"
        )
    };
    let item = |run: &str| copy("queue_item", "q", &format!(r#"{{"run_id": "{run}"}}"#));
    let deadline_of = |run: &str| {
        copy(
            "heartbeat",
            "x",
            &format!(r#"{{"run_id": "{run}", "holds_slot": false}}"#),
        )
    };
    let lane = "insert into engine.lane (shard, is_open, head_at, environment_id, worker_queue, queue, concurrency_key) \
                values (0, false, now(), 'default', 'main', 'task/test', '')";
    let cases: Vec<(String, &[&str])> = vec![
        ("delete from engine.run_state where run_id = 'f'".into(), &["run_without_state"]),
        ("delete from engine.run where id = 'f'".into(), &["state_without_run"]),
        ("update engine.run_state set snapshot_id = 'other' where run_id = 'f'".into(), &["latest_snapshot"]),
        (newer.into(), &["latest_snapshot"]),
        ("delete from engine.snapshot where run_id = 'f'".into(), &["latest_snapshot"]),
        ("delete from engine.snapshot where run_id = 'f' and ordinal = 2".into(), &["missing"]),
        ("delete from engine.snapshot where run_id = 'x' and ordinal = 1".into(), &["missing"]),
        ("update engine.run_state set attempt_number = 7 where run_id = 'f'".into(), &["snapshot_status"]),
        ("update engine.run_state set run_status = 'CANCELED' where run_id = 'f'".into(), &["snapshot_status"]),
        ("delete from engine.failure".into(), &["failure"]),
        ("update engine.failure set run_status = 'CRASHED'".into(), &["failure"]),
        ("update engine.failure set failed_at = failed_at - interval '1 s'".into(), &["failure"]),
        (copy("failure", "no", r#"{"run_id": "f"}"#), &["failure"]),
        ("update engine.run set max_attempts = 0 where id = 'x'".into(), &["value"]),
        ("update engine.run_state set released_attempts = -1 where run_id = 'x'".into(), &["value"]),
        ("update engine.snapshot set error = 'broken' where run_id = 'x' and ordinal = 1".into(), &["value"]),
        ("update engine.heartbeat set interval_ms = 0 where run_id = 'x'".into(), &["value"]),
        ("update engine.heartbeat set check_at = deadline_at + interval '1 s' where run_id = 'x'".into(), &["value"]),
        ("update engine.run_state set checkpoint_id = 'k' where run_id = 'x'".into(), &["carried"]),
        ("update engine.snapshot set batch_id = 'b' where run_id = 'x' and ordinal = 3".into(), &["carried"]),
        ("update engine.snapshot set position = 0 where run_id = 'f' and ordinal = 3".into(), &["snapshot_order"]),
        ("update engine.snapshot set id = 'a' where run_id = 'f' and ordinal = 2".into(), &["snapshot_order"]),
        (
            "insert into engine.snapshot select s.* from engine.snapshot as s where run_id = 'f' and ordinal = 2".into(),
            &["missing"],
        ),
        (
            "update engine.run_state set run_status = 'PENDING' where run_id = 'f'; \
             update engine.snapshot set run_status = 'PENDING' where run_id = 'f' and ordinal = 4"
                .into(),
            &["final_status"],
        ),
        (
            "update engine.run_state set run_status = 'CANCELED' where run_id = 'x'; \
             update engine.snapshot set run_status = 'CANCELED' where run_id = 'x' and ordinal = 3"
                .into(),
            &["final_status"],
        ),
        ("delete from engine.queue_item where run_id = 'q'".into(), &["queue_item"]),
        (item("f"), &["queue_item"]),
        (item("x"), &["queue_item"]),
        (item("nobody"), &["queue_item"]),
        ("update engine.queue_item set queue = 'other' where run_id = 'q'".into(), &["queue_item"]),
        ("update engine.queue_item set concurrency_key = 'k' where run_id = 'q'".into(), &["queue_item"]),
        ("delete from engine.heartbeat where run_id = 'p'".into(), &["heartbeat"]),
        (deadline_of("f"), &["heartbeat"]),
        (deadline_of("q"), &["heartbeat"]),
        (deadline_of("nobody"), &["heartbeat"]),
        ("update engine.heartbeat set snapshot_id = 'other' where run_id = 'x'".into(), &["heartbeat"]),
        ("update engine.heartbeat set holds_slot = false where run_id = 'x'".into(), &["slot"]),
        ("update engine.heartbeat set queue = 'other' where run_id = 'x'".into(), &["slot"]),
        ("update engine.heartbeat set is_counted = true where run_id = 'x'".into(), &["slot"]),
        ("update engine.heartbeat set is_noted = true where run_id = 'x'".into(), &["slot"]),
        ("update engine.queue_item set is_filed = true where run_id = 'q'".into(), &["lane"]),
        (lane.into(), &["lane"]),
        (
            "insert into engine.timer (shard, kind, id, due_at) values (0, 'CANCEL_RUN', 'nobody', now())".into(),
            &["timer"],
        ),
        (
            "insert into engine.event_reader_position (shard, name, position, row_position, max_lag_ms, created_at) \
             values (0, 'r', 8000000, 1, 1000, now())"
                .into(),
            &["event_reader"],
        ),
        ("insert into engine.event_horizon values (0, 8000000, now())".into(), &["event_horizon"]),
    ];
    for (sql, expected) in &cases {
        finds(&session, sql, expected).await?;
    }
    session.check().await
}

/// Waiting runs: `p` for its child `c` and a batch of one, `s` is suspended behind a token with a timeout.
async fn waiting_runs(session: &Session) -> Result<()> {
    let start = async |arguments: &str| {
        session.trigger_with(arguments).await?;
        session.take().await
    };
    start("'test', run_id => 'p'").await?;
    start("'test', run_id => 'c', parent_run_id => 'p', resume_parent => true").await?;
    let sql =
        "select batch_id from engine_create_batch(1, parent_run_id => 'p', resume_parent => true)";
    let batch: String = session.client.query_one(sql, &[]).await?.get(0);
    let item = format!(
        "select engine_add_to_batch('{batch}', '[{{\"task\": \"test\", \"run_id\": \"b\"}}]')"
    );
    session.client.query(&item, &[]).await?;
    session.take().await?;
    start("'test', run_id => 's'").await?;
    let sql = "select waitpoint_id from engine_create_manual_waitpoint(now() + interval '1 hour')";
    let token: String = session.client.query_one(sql, &[]).await?.get(0);
    let blocked = session.block("s", &[&token]).await?;
    session.suspend(&blocked.held, "why").await?;
    session.check().await
}

#[tokio::test]
async fn every_kind_of_violation_of_waiting_is_found_and_no_other_with_it() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    waiting_runs(&session).await?;
    let complete = |which: &str| {
        format!(
            "update engine.waitpoint set status = 'COMPLETED', completed_at = now() where {which}"
        )
    };
    let note = |kind: &str, id: &str| {
        format!(
            "insert into engine.timer (shard, kind, id, due_at) values (0, '{kind}', '{id}', now())"
        )
    };
    let item = |batch: &str| {
        format!(
            "insert into engine.batch_item (shard, item_index, batch_id, run_id, created_at) \
             select 0, 1, {batch}, 'nobody', now() from engine.batch"
        )
    };
    let cases: Vec<(String, &[&str])> = vec![
        // A run may be suspended without a wait.
        ("delete from engine.edge where run_id = 's'".into(), &[]),
        ("delete from engine.edge where run_id = 'p'".into(), &["edge"]),
        ("update engine.edge set run_id = 'c' where run_id = 's'".into(), &["edge"]),
        ("update engine.edge set run_id = 'nobody' where run_id = 's'".into(), &["edge"]),
        ("update engine.edge set waitpoint_id = 'nothing' where run_id = 's'".into(), &["edge", "wait"]),
        (complete("type = 'MANUAL'"), &["wait"]),
        (format!("{}; {}", complete("type = 'MANUAL'"), note("CONTINUE_RUN", "s/x")), &[]),
        ("delete from engine.checkpoint".into(), &["checkpoint"]),
        ("update engine.run_state set has_waitpoint = false where run_id = 'c'".into(), &["waitpoint"]),
        ("update engine.run_state set has_waitpoint = true where run_id = 's'".into(), &["waitpoint"]),
        ("update engine.waitpoint set completed_by_run_id = 'nobody' where completed_by_run_id = 'c'".into(), &["waitpoint"]),
        ("delete from engine.timer".into(), &["waitpoint"]),
        ("update engine.batch set item_count = 2".into(), &["batch"]),
        ("update engine.batch set status = 'COMPLETED'".into(), &["batch"]),
        ("update engine.batch_item set run_id = 's'".into(), &["batch"]),
        // A batch finds a run by its key, and the run may be removed then.
        (format!("{}; update engine.batch set item_count = 2", item("id")), &[]),
        (item("'nothing'"), &["batch"]),
        (note("CONTINUE_RUN", "nobody/x"), &["timer"]),
        (note("FINISH_WAITPOINT", "nothing"), &["timer"]),
        (note("COMPLETE_BATCH", "nothing/x"), &["timer"]),
        (note("EXPIRE_BATCH", "nothing"), &["timer"]),
    ];
    for (sql, expected) in &cases {
        finds(&session, sql, expected).await?;
    }
    session.check().await
}

#[tokio::test]
async fn a_row_of_a_run_that_is_gone_is_found_in_every_table_that_has_runs() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    four_runs(&session).await?;
    failed_run(&session).await?;
    let token = "'token', run_id => 'token', one_time_use_token => 'o', delay_until => now() + interval '1 hour'";
    session.trigger_with(token).await?;
    let waiting = session.take().await?;
    let waitpoint = session.token().await?;
    let blocked = session.block(&waiting.run_id, &[&waitpoint]).await?;
    session.checkpoint(&waiting, "late").await?;
    session.suspend(&blocked.held, "why").await?;
    let batch = "select batch_id from engine_create_batch(1)";
    let batch: String = session.client.query_one(batch, &[]).await?.get(0);
    let item = format!("select engine_add_to_batch('{batch}', '[{{\"task\": \"item\"}}]')");
    session.client.query(&item, &[]).await?;
    let tables = "select c.relname::text from pg_class as c \
                  join pg_attribute as a on a.attrelid = c.oid and a.attname = 'run_id' \
                  where c.relnamespace = 'engine'::regnamespace and c.relkind in ('r', 'p') order by 1";
    let tables = session.client.query(tables, &[]).await?;
    assert!(tables.len() >= 11, "{} tables", tables.len());
    for row in tables {
        let table: &str = row.get(0);
        // Its rows are made by hand where no run of this test has one; a batch outlives its runs.
        if ["parked", "batch_item"].contains(&table) {
            continue;
        }
        let orphan = format!(
            "update engine.{table} set run_id = 'nobody' where ctid = (select min(ctid) from engine.{table})"
        );
        assert!(
            session.count(&format!("engine.{table}")).await? > 0,
            "{table}"
        );
        let found = kinds_after(&session, &orphan).await?;
        assert!(!found.is_empty(), "{table}");
    }
    session.check().await
}

#[tokio::test]
async fn what_is_found_names_its_run_and_says_what_is_wrong() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    four_runs(&session).await?;
    session.broken_on_purpose().await?;
    session
        .client
        .batch_execute("delete from engine.queue_item")
        .await?;
    let found = session.violations().await?;
    let [violation] = found.as_slice() else {
        panic!("one violation is {found:?}");
    };
    assert_eq!(
        (violation.kind.as_str(), violation.run_id.as_deref()),
        ("queue_item", Some("q"))
    );
    assert_eq!(violation.detail, "The run is QUEUED and has no queue item.");
    let Err(error) = session.check().await else {
        panic!("the harness does not find what engine_check finds");
    };
    assert!(
        error
            .to_string()
            .contains("queue_item of run q: The run is QUEUED"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_check_of_few_runs_does_not_prepare_for_millions() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for _ in 0..20 {
        session.trigger("test").await?;
    }
    session.take().await?;
    let sql = "explain (analyze, buffers, format json) select * from engine_check()";
    let plan: Json<Value> = session.client.query_one(sql, &[]).await?.get(0);
    // Hash joins of millions of rows come in batches, each of them a file.
    assert_eq!(plan.0[0]["Plan"]["Temp Written Blocks"], 0, "{}", plan.0);
    Ok(())
}

#[tokio::test]
async fn a_check_compares_no_run_with_each_although_its_tables_were_never_analyzed() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let unanalyzed = "alter table engine.run_state set (autovacuum_enabled = off); \
                      alter table engine.snapshot set (autovacuum_enabled = off); \
                      alter table engine.edge set (autovacuum_enabled = off)";
    session.client.batch_execute(unanalyzed).await?;
    let bare = "select c.run_id from engine_trigger_many((select jsonb_agg(jsonb_build_object('task', 'bare', 'keep', '0')) \
                from generate_series(1, 1000))) as t, engine_cancel(t.run_id) as c";
    for _ in 0..2 {
        session.client.query(bare, &[]).await?;
        session.tick().await?;
    }
    let trigger = "select count(*) from engine_trigger_many( \
                   (select jsonb_agg(jsonb_build_object('task', 'waiting')) from generate_series(1, 1000)))";
    session.client.query(trigger, &[]).await?;
    let wait = "select b.snapshot_id from engine_work(max_runs => 1000) as w, engine_create_manual_waitpoint() as p, \
                engine_block(w.run_id, array[p.waitpoint_id]) as b";
    session.client.query(wait, &[]).await?;
    assert_eq!(session.count("engine.edge").await?, 1000);
    // What is kept in memory is small, so that what is compared again and again is read from a file again and again.
    session
        .client
        .batch_execute("set work_mem = '64kB'")
        .await?;
    let sql = "explain (analyze, buffers, format json) select * from engine_check()";
    let plan: Json<Value> = session.client.query_one(sql, &[]).await?.get(0);
    let blocks = |name| plan.0[0]["Plan"][name].as_i64().unwrap_or_default();
    let (written, read) = (blocks("Temp Written Blocks"), blocks("Temp Read Blocks"));
    println!("{written} blocks written, {read} read");
    assert!(
        written > 0 && read < 10 * written,
        "{written} blocks written, {read} read"
    );
    session.check().await
}
