//! A worker's turn in one commit: ends first, then runs that start.

use anyhow::Result;
use engine_harness::{Database, Held, Session};
use serde_json::{Value, json};
use tokio_postgres::Row;
use tokio_postgres::types::Json;

/// A turn of worker `w`, runner `r`.
async fn turn(session: &Session, completions: Vec<Value>, max_runs: i32) -> Result<Vec<Row>> {
    let sql = "select * from engine_work($1, max_runs => $2, worker_id => 'w', runner_id => 'r')";
    let arguments = (&Json(completions), &max_runs);
    Ok(session
        .client
        .query(sql, &[arguments.0, arguments.1])
        .await?)
}

async fn start(session: &Session, max_runs: i32) -> Result<Vec<Held>> {
    Ok(held(&turn(session, Vec::new(), max_runs).await?))
}

fn held(rows: &[Row]) -> Vec<Held> {
    let started = rows.iter().filter(|row| text(row, "kind") == "started");
    started
        .map(|row| Held {
            run_id: row.get("run_id"),
            snapshot_id: row.get("snapshot_id"),
        })
        .collect()
}

fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get::<_, Option<&str>>(column).unwrap_or("null")
}

fn success(held: &Held) -> Value {
    json!({"run_id": held.run_id, "snapshot_id": held.snapshot_id, "ok": true, "output": "1"})
}

/// What the history of a run says, and the names of its events, without ids and times.
async fn history(session: &Session, run_id: &str) -> Result<Vec<String>> {
    let sql = "select concat_ws(' ', s.ordinal, s.transition, s.execution_status, s.run_status, coalesce(s.attempt_number, -1), \
                      s.description, s.worker_id, s.runner_id, s.machine, s.is_valid, s.detail, \
                      (select p.ordinal from engine.history p where p.run_id = $1 and p.id = s.previous_snapshot_id), \
                      s.checkpoint_id is not null, cardinality(s.completed_waitpoint_ids)) \
               from engine.history s where s.run_id = $1 \
               union all \
               select concat_ws(' ', 'event', e.name, (select string_agg(k, ',' order by k) from jsonb_object_keys(e.body -> 'run') k)) \
               from (select * from engine.event e where e.run_id = $1 order by e.position) e";
    let rows = session.client.query(sql, &[&run_id]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// What the state of a run says, without ids and times.
async fn state(session: &Session, run_id: &str) -> Result<String> {
    let sql = "select (to_jsonb(s) - array['run_id', 'snapshot_id', 'updated_at', 'started_at', 'dequeued_at', 'executed_at', \
                      'completed_at', 'prepared_at', 'cost_in_cents', 'usage_duration_ms']) \
                      || jsonb_build_object('times', array[s.started_at is null, s.dequeued_at is null, s.executed_at is null]) \
               from engine.run_state s where s.run_id = $1";
    let row = session.client.query_one(sql, &[&run_id]).await?;
    Ok(row.get::<_, Json<Value>>(0).0.to_string())
}

#[tokio::test]
async fn a_turn_writes_the_history_state_and_events_that_single_calls_write() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let sql = "select run_id, snapshot_id from engine_dequeue(worker_id => 'w', runner_id => 'r')";
    let row = session.client.query_one(sql, &[]).await?;
    let singly: Held = Held {
        run_id: row.get(0),
        snapshot_id: row.get(1),
    };
    let sql = "select snapshot_id from engine_start_attempt($1, $2, 'w', 'r')";
    let arguments: [&(dyn tokio_postgres::types::ToSql + Sync); 2] =
        [&singly.run_id, &singly.snapshot_id];
    let row = session.client.query_one(sql, &arguments).await?;
    let singly = Held {
        snapshot_id: row.get(0),
        ..singly
    };
    session.trigger("test").await?;
    let together = start(&session, 1).await?.remove(0);
    let is_alike = async || -> Result<()> {
        let (one, other) = (&singly.run_id, &together.run_id);
        assert_eq!(
            history(&session, one).await?,
            history(&session, other).await?
        );
        assert_eq!(state(&session, one).await?, state(&session, other).await?);
        session.check().await
    };
    is_alike().await?;
    let sql = "select engine_complete_many($1, 'w', 'r')";
    session
        .client
        .query(sql, &[&Json(vec![success(&singly)])])
        .await?;
    let rows = turn(&session, vec![success(&together)], 1).await?;
    assert_eq!(text(&rows[0], "run_status"), "COMPLETED_SUCCESSFULLY");
    is_alike().await
}

#[tokio::test]
async fn answers_come_first_and_in_order_and_none_spoils_another_or_what_starts() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for _ in 0..5 {
        session.trigger("test").await?;
    }
    let first = start(&session, 3).await?;
    assert_eq!(first.len(), 3);
    let stale = Held {
        snapshot_id: "old".to_owned(),
        ..first[1].clone()
    };
    let completions = vec![
        success(&first[2]),
        success(&stale),
        json!({"run_id": "nope", "snapshot_id": "x", "ok": true}),
        json!({"run_id": first[1].run_id, "snapshot_id": first[1].snapshot_id, "ok": "perhaps"}),
        success(&first[2]),
        json!(5),
        json!({"run_id": first[0].run_id, "snapshot_id": first[0].snapshot_id, "ok": false,
               "error": {"type": "STRING_ERROR", "raw": "no"}, "retry": null}),
    ];
    let rows = turn(&session, completions, 10).await?;
    let kinds: Vec<&str> = rows.iter().map(|row| text(row, "kind")).collect();
    assert_eq!(
        kinds,
        [["completed"; 7].as_slice(), &["started"; 2]].concat()
    );
    let codes: Vec<&str> = rows.iter().map(|row| text(row, "error_code")).collect();
    let null = "null";
    assert_eq!(
        codes,
        [
            null, "RE002", "RE001", "22032", "RE002", "22004", null, null, null
        ]
    );
    for row in &rows {
        let is_refused = text(row, "error_code") != null;
        assert_eq!(text(row, "error_message") != null, is_refused);
        assert_eq!(text(row, "snapshot_id") == null, is_refused);
    }
    assert_eq!(text(&rows[0], "run_id"), first[2].run_id);
    assert_eq!(text(&rows[0], "attempt_status"), "RUN_FINISHED");
    assert_eq!(text(&rows[6], "run_status"), "COMPLETED_WITH_ERRORS");
    // What was refused can still be done.
    let rows = turn(&session, vec![success(&first[1])], 0).await?;
    assert_eq!(rows.len(), 1);
    assert_eq!(text(&rows[0], "run_status"), "COMPLETED_SUCCESSFULLY");
    session.check().await
}

#[tokio::test]
async fn a_started_run_comes_with_all_that_its_handler_needs() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let triggered = session
        .trigger_with(
            "'mail', '{\"to\": 1}', queue => 'q', concurrency_key => 'k', tags => array['a'], metadata => '{\"m\": 1}', \
             trace_context => '{\"t\": 1}', max_attempts => 7, max_duration_seconds => 60, is_test => true",
        )
        .await?;
    let rows = turn(&session, Vec::new(), 5).await?;
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(text(row, "kind"), "started");
    assert_eq!(text(row, "run_id"), triggered.run_id);
    assert_eq!(
        text(row, "run_friendly_id"),
        format!("run_{}", triggered.run_id)
    );
    let latest = session.data(&triggered.run_id).await?;
    assert_eq!(
        latest["snapshot"]["id"].as_str(),
        Some(text(row, "snapshot_id"))
    );
    assert_eq!(
        text(row, "snapshot_friendly_id"),
        format!("snapshot_{}", text(row, "snapshot_id"))
    );
    let texts = [
        ("execution_status", "EXECUTING"),
        ("run_status", "EXECUTING"),
        ("attempt_status", "null"),
        ("task", "mail"),
        ("payload", "{\"to\": 1}"),
        ("payload_type", "application/json"),
        ("queue", "q"),
        ("concurrency_key", "k"),
        ("worker_queue", "main"),
        ("environment_id", "default"),
        ("environment_type", "PRODUCTION"),
        ("error_code", "null"),
    ];
    for (column, value) in texts {
        assert_eq!(text(row, column), value, "{column}");
    }
    assert_eq!(row.get::<_, i32>("attempt_number"), 1);
    assert_eq!(row.get::<_, i32>("max_attempts"), 7);
    assert_eq!(row.get::<_, i32>("max_duration_seconds"), 60);
    assert!(row.get::<_, bool>("is_test") && !row.get::<_, bool>("is_replay"));
    assert_eq!(row.get::<_, Vec<&str>>("tags"), ["a"]);
    let document = |column| row.get::<_, Json<Value>>(column).0;
    assert_eq!(document("metadata"), json!({"m": 1}));
    assert_eq!(document("trace_context"), json!({"t": 1}));
    assert_eq!(document("completed_waitpoints"), json!([]));
    assert_eq!(document("machine")["name"], "small-1x");
    let sql = "select h.snapshot_id, h.interval_ms, h.deadline_at = $1::timestamptz + h.interval_ms * interval '1 ms' from engine.heartbeat h";
    let now: std::time::SystemTime = row.get("dequeued_at");
    let deadline = session.client.query_one(sql, &[&now]).await?;
    assert_eq!(deadline.get::<_, &str>(0), text(row, "snapshot_id"));
    assert_eq!(deadline.get::<_, i64>(1), row.get::<_, i64>("heartbeat_ms"));
    assert!(deadline.get::<_, bool>(2));
    session.check().await
}

/// How many states of runs a session has updated. The count goes on after a transaction: only differences mean something.
async fn updated_states(session: &Session) -> Result<i64> {
    let sql = "select pg_stat_get_xact_tuples_updated('engine.run_state'::regclass)";
    Ok(session.client.query_one(sql, &[]).await?.get(0))
}

#[tokio::test]
async fn a_turn_is_one_commit_and_writes_the_state_once() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for _ in 0..100 {
        session.trigger("test").await?;
    }
    let first = start(&session, 50).await?;
    let ends = first.iter().map(success).collect();
    session.client.batch_execute("begin").await?;
    let before = updated_states(&session).await?;
    let second = held(&turn(&session, ends, 50).await?);
    assert_eq!(second.len(), 50);
    let updated = updated_states(&session).await? - before;
    assert_eq!(updated, 100, "each run that ends or starts moves once");
    session.client.batch_execute("commit").await?;
    let sql = "select count(distinct s.xmin::text) from engine.snapshot s \
               where s.run_id = $1 and s.ordinal = 4 or s.run_id = $2 and s.ordinal in (2, 3)";
    let row = session
        .client
        .query_one(sql, &[&first[0].run_id, &second[0].run_id])
        .await?;
    assert_eq!(row.get::<_, i64>(0), 1, "one transaction");
    session.check().await
}

#[tokio::test]
async fn a_slot_that_an_end_gives_back_serves_the_run_of_the_same_turn() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let sql = "select engine_set_environment('env', concurrency_limit => 1); select engine_set_queue('q', 'env', 1)";
    session.client.batch_execute(sql).await?;
    for key in ["a", "a", "b"] {
        let arguments =
            format!("'test', environment_id => 'env', queue => 'q', concurrency_key => '{key}'");
        session.trigger_with(&arguments).await?;
    }
    let mut mine = start(&session, 10).await?;
    for left in [2, 1, 0] {
        assert_eq!(mine.len(), 1, "{left} are left");
        assert!(start(&session, 10).await?.is_empty(), "the slot is held");
        let ends = mine.iter().map(success).collect();
        mine = held(&turn(&session, ends, 10).await?);
    }
    assert!(mine.is_empty());
    assert_eq!(session.count("engine.slot").await?, 0);
    session.check().await
}

#[tokio::test]
async fn a_turn_with_completions_never_waits_even_if_all_are_refused() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let begun = std::time::Instant::now();
    let sql = "select kind, error_code from engine_work('[{\"run_id\": \"x\", \"snapshot_id\": \"y\", \"ok\": true}]', \
               wait_ms => 60000)";
    let rows = session.client.query(sql, &[]).await?;
    assert_eq!(rows.len(), 1);
    assert_eq!(text(&rows[0], "error_code"), "RE001");
    assert!(begun.elapsed() < std::time::Duration::from_secs(30));
    // Without any it does.
    let waiting = Session::open(&Database::fresh().await?).await?;
    let begun = std::time::Instant::now();
    let rows = waiting
        .client
        .query("select engine_work('[]', wait_ms => 300)", &[])
        .await?;
    assert!(rows.is_empty() && begun.elapsed().as_millis() >= 300);
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_is_retried_comes_again_with_the_next_number() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger_with("'test', max_attempts => 3").await?;
    let first = start(&session, 1).await?.remove(0);
    let failure = json!({"run_id": first.run_id, "snapshot_id": first.snapshot_id, "ok": false,
        "error": {"type": "STRING_ERROR", "raw": "no"}, "retry": {"delay": 3_600_000}});
    let rows = turn(&session, vec![failure], 1).await?;
    assert_eq!(text(&rows[0], "attempt_status"), "RETRY_QUEUED");
    assert_eq!(rows.len(), 1, "it is not due");
    let due = "update engine.queue_item set available_at = now() - interval '1 s'";
    session.client.batch_execute(due).await?;
    let rows = turn(&session, Vec::new(), 1).await?;
    assert_eq!(rows[0].get::<_, i32>("attempt_number"), 2);
    let again = held(&rows).remove(0);
    assert_eq!(again.run_id, first.run_id);
    session.complete(&again, json!({"ok": true})).await?;
    session.check().await
}

#[tokio::test]
async fn a_suspended_run_continues_its_attempt_and_brings_what_it_waited_for() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let first = start(&session, 1).await?.remove(0);
    let token = session.token().await?;
    let blocked = session.block(&first.run_id, &[&token]).await?;
    session.suspend(&blocked.held, "why").await?;
    let sql = "select engine_complete_waitpoint($1)";
    session.client.query(sql, &[&token]).await?;
    session.tick().await?;
    let rows = turn(&session, Vec::new(), 1).await?;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<_, i32>("attempt_number"), 1);
    assert_eq!(text(&rows[0], "execution_status"), "EXECUTING");
    assert!(
        rows[0]
            .get::<_, Option<Json<Value>>>("checkpoint")
            .is_some()
    );
    let waitpoints: Json<Value> = rows[0].get("completed_waitpoints");
    assert_eq!(waitpoints.0[0]["id"].as_str(), Some(token.as_str()));
    let latest = session.data(&first.run_id).await?;
    assert_eq!(
        latest["snapshot"]["id"].as_str(),
        Some(text(&rows[0], "snapshot_id"))
    );
    session.check().await
}

#[tokio::test]
async fn a_run_without_attempts_left_ends_and_is_not_among_those_that_start() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let spent = session.trigger("test").await?;
    session.trigger("test").await?;
    let sql = "update engine.run_state set attempt_number = 250 where run_id = $1";
    session.client.execute(sql, &[&spent.run_id]).await?;
    let rows = turn(&session, Vec::new(), 2).await?;
    assert_eq!(rows.len(), 1);
    assert_ne!(text(&rows[0], "run_id"), spent.run_id);
    let status = session.status(&spent.run_id).await?;
    assert_eq!(status, ("FINISHED".to_owned(), "CRASHED".to_owned()));
    session.check().await
}

#[tokio::test]
async fn a_start_is_warm_where_the_turn_has_reported_an_end() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    session.trigger("test").await?;
    let cold = start(&session, 1).await?;
    let ends = cold.iter().map(success).collect();
    let warm = held(&turn(&session, ends, 1).await?);
    let sql = "select s.is_warm_start from engine.run_state s where s.run_id = $1";
    for (run, is_warm) in [(&cold[0], false), (&warm[0], true)] {
        let row = session.client.query_one(sql, &[&run.run_id]).await?;
        assert_eq!(row.get::<_, bool>(0), is_warm);
    }
    Ok(())
}

#[tokio::test]
async fn what_a_turn_asks_for_has_bounds() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.max_batch", "2").await?;
    let session = Session::open(&database).await?;
    let asked = [
        ("completions => '{}'", "22023"),
        ("completions => '[1, 2, 3]'", "22023"),
        ("max_runs => 3", "22023"),
        ("max_runs => -1", "22023"),
        ("wait_ms => 60001", "22023"),
        ("environment_id => 'nope'", "RE005"),
    ];
    for (arguments, code) in asked {
        let refused = session
            .refused(&format!("select engine_work({arguments})"))
            .await?;
        assert_eq!(refused.code, code, "{arguments}");
    }
    let rows = turn(&session, Vec::new(), 0).await?;
    assert!(rows.is_empty());
    Ok(())
}
