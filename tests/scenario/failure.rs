//! Failures: a list of the runs that failed, beside those that did not.

use anyhow::Result;
use engine_harness::{Database, Held, Session};
use serde_json::{Value, json};

/// Fails the next run for good.
async fn fail(session: &Session, error: Value) -> Result<Held> {
    let held = session.take().await?;
    session
        .complete(&held, json!({"ok": false, "error": error, "retry": null}))
        .await?;
    Ok(held)
}

fn text(raw: &str) -> Value {
    json!({"type": "STRING_ERROR", "raw": raw})
}

#[tokio::test]
async fn only_a_run_that_fails_is_on_the_list_and_kinds_of_failures_are_told_apart() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.ended("'mail'").await?;
    assert_eq!(session.count("engine.failure").await?, 0);
    for error in [
        "no answer from 10.0.0.7 after 30 s\nsecond line",
        "no answer from 10.0.0.8 after 31 s",
        "no such user",
    ] {
        session
            .trigger_with("'mail', queue => 'out', concurrency_key => 'k', version => 'v1'")
            .await?;
        fail(&session, text(error)).await?;
    }
    let kinds = "select fingerprint, count(*), min(message), min(error_code), min(queue || concurrency_key) from engine.failed_run \
                 where run_status = 'COMPLETED_WITH_ERRORS' and failed_at >= triggered_at group by fingerprint order by 1";
    let kinds = session.client.query(kinds, &[]).await?;
    let kinds: Vec<(&str, i64, &str, &str, &str)> = kinds
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4)))
        .collect();
    assert_eq!(
        kinds,
        [
            (
                "no answer from 0 after 0 s",
                2,
                "no answer from 10.0.0.7 after 30 s",
                "STRING_ERROR",
                "outk"
            ),
            ("no such user", 1, "no such user", "STRING_ERROR", "outk"),
        ]
    );
    let cancelled = session.trigger("mail").await?;
    session.cancel(&format!("'{}'", cancelled.run_id)).await?;
    assert_eq!(session.count("engine.failure").await?, 3);
    session.check().await
}

#[tokio::test]
async fn a_failure_leaves_the_list_with_its_redrive_and_with_its_run() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.queue_max_attempts", "1").await?;
    let session = Session::open(&database).await?;
    session.trigger("dead").await?;
    let dead = session.take().await?;
    session.lapse(&dead.run_id).await?;
    session.tick().await?;
    let letters = "engine.failed_run where is_dead_lettered and run_status = 'SYSTEM_FAILURE'";
    assert_eq!(session.count(letters).await?, 1);
    let redrive = "select from engine_redrive($1)";
    session.client.query_one(redrive, &[&dead.run_id]).await?;
    assert_eq!(session.count("engine.failure").await?, 0);
    session.check().await?;

    fail(&session, text("again")).await?;
    let created = "select from engine_create_failed_run('{\"task\": \"t\"}', '{\"type\": \"STRING_ERROR\", \"raw\": \"no\"}')";
    session.client.query_one(created, &[]).await?;
    assert_eq!(session.count("engine.failure").await?, 2);
    session.check().await?;
    let forget = "select engine_forget(filter => '{\"all\": true}', dry_run => false)";
    session.client.query(forget, &[]).await?;
    assert_eq!(session.count("engine.failure").await?, 0);
    session.check().await
}

#[tokio::test]
async fn a_bulk_action_on_failures_reads_no_other_run() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for _ in 0..3 {
        session.trigger("t").await?;
    }
    session.ended("'t', priority_ms => 9000000").await?;
    fail(&session, text("x")).await?;
    // A run that failed and is not on the list, for this test only: it would not be found.
    fail(&session, text("hidden")).await?;
    let hide = "delete from engine.failure where message = 'hidden'";
    session.client.batch_execute(hide).await?;
    let count = async |filter: &str| {
        let sql = format!("select count from engine_bulk('replay', '{filter}')");
        anyhow::Ok(session.client.query_one(&sql, &[]).await?.get::<_, i64>(0))
    };
    let failed = r#"{"status": ["COMPLETED_WITH_ERRORS"], "error_code": "STRING_ERROR"}"#;
    assert_eq!(count(failed).await?, 1);
    for asked in [
        r#"{"error_code": "STRING_ERROR"}"#,
        r#"{"error_code": ["STRING_ERROR", "E2"], "task": "t"}"#,
    ] {
        assert_eq!(count(asked).await?, 1, "{asked}");
    }
    assert_eq!(count(r#"{"error": "X"}"#).await?, 1);
    assert_eq!(count(r#"{"error": "hidden"}"#).await?, 0);
    assert_eq!(count(r#"{"task": "t", "run_id": "none"}"#).await?, 0);
    session.trigger("t").await?;
    let reason = "select engine_cancel(run_id, 'wrong list', finalize => true) from engine.queue_item limit 1";
    session.client.query(reason, &[]).await?;
    assert_eq!(
        count(r#"{"error": "wrong list"}"#).await?,
        0,
        "it was cancelled"
    );
    let cancelled = r#"{"error": "wrong list", "status": "CANCELED"}"#;
    assert_eq!(count(cancelled).await?, 1);
    let restore = "delete from engine.failure; delete from engine.run_state; delete from engine.run; \
                   delete from engine.snapshot; delete from engine.queue_item";
    session.client.batch_execute(restore).await?;
    session.check().await
}
