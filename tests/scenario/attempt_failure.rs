//! Attempts and their ends, when no retry is left.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};
use serde_json::json;

use crate::reported::{failure_with_retry, internal_error, user_error};

/// Spec: AF-2.
#[tokio::test]
async fn a_run_without_attempts_left_ends_although_a_retry_is_asked_for() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger_with("'test', max_attempts => 1").await?;
    let held = session.take().await?;
    let failed = failure_with_retry(user_error(), 0);
    let completed = session.complete(&held, failed).await?;
    assert_eq!(completed.attempt_status, "RUN_FINISHED");
    assert_eq!(completed.execution_status, "FINISHED");
    assert_eq!(completed.run_status, "COMPLETED_WITH_ERRORS");
    assert_eq!(completed.attempt_number, Some(1));
    Ok(())
}

/// Spec: AF-2.
#[tokio::test]
async fn a_run_that_says_nothing_of_attempts_has_those_of_its_retry_settings() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for (max_attempts, expected) in [(1, "RUN_FINISHED"), (5, "RETRY_IMMEDIATELY")] {
        let retry = json!({"maxAttempts": max_attempts});
        session
            .trigger_with(&format!("'test', retry => '{retry}'"))
            .await?;
        let sql = "select run_id, snapshot_id, max_attempts from engine_dequeue()";
        let row = session.client.query_one(sql, &[]).await?;
        assert_eq!(row.get::<_, i32>(2), max_attempts);
        let held = session
            .start(&Held {
                run_id: row.get(0),
                snapshot_id: row.get(1),
            })
            .await?;
        let failed = session
            .complete(&held, failure_with_retry(user_error(), 0))
            .await?;
        assert_eq!(failed.attempt_status, expected, "{max_attempts}");
    }
    session
        .trigger_with(r#"'test', max_attempts => 2, retry => '{"maxAttempts": 5}'"#)
        .await?;
    let sql = "select max_attempts from engine_dequeue()";
    let own: i32 = session.client.query_one(sql, &[]).await?.get(0);
    assert_eq!(own, 2, "what the run says itself counts first");
    Ok(())
}

/// Spec: AF-3.
#[tokio::test]
async fn an_error_that_no_retry_can_mend_crashes_the_run() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    let failed = failure_with_retry(internal_error("DISK_SPACE_EXCEEDED"), 0);
    let completed = session.complete(&held, failed).await?;
    assert_eq!(
        (
            completed.attempt_status.as_str(),
            completed.run_status.as_str()
        ),
        ("RUN_FINISHED", "CRASHED")
    );
    assert_eq!(completed.attempt_number, Some(1));
    Ok(())
}

/// Spec: RAS-1.
#[tokio::test]
async fn a_start_counts_the_attempt() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    session.take().await?;
    let sql =
        "select run_status::text, attempt_number, executed_at is not null from engine.run_state";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(
        (
            row.get::<_, &str>(0),
            row.get::<_, i32>(1),
            row.get::<_, bool>(2)
        ),
        ("EXECUTING", 1, true)
    );
    Ok(())
}

/// Spec: RAS-2.
#[tokio::test]
async fn a_success_keeps_its_output_and_is_the_last_snapshot() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    let success =
        json!({"ok": true, "output": r#"{"foo":"bar"}"#, "outputType": "application/json"});
    session.complete(&held, success).await?;
    let sql = "select s.run_status::text, s.output, o.output_type, p.execution_status::text, p.run_status::text \
               from engine.run_state as s join engine.history as p on p.id = s.snapshot_id \
               cross join engine_run_result(s.run_id) as o";
    let row = session.client.query_one(sql, &[]).await?;
    let found: Vec<&str> = (0..5).map(|column| row.get(column)).collect();
    let ended = "COMPLETED_SUCCESSFULLY";
    assert_eq!(
        found,
        [
            ended,
            r#"{"foo":"bar"}"#,
            "application/json",
            "FINISHED",
            ended
        ]
    );
    Ok(())
}

/// Spec: AF-N1.
#[tokio::test]
async fn of_two_starts_with_one_snapshot_the_second_is_refused() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let dequeued = session.dequeue().await?.context("nothing is queued")?;
    session.start(&dequeued).await?;
    let (run, snapshot) = (&dequeued.run_id, &dequeued.snapshot_id);
    let refused = session
        .refused(&format!(
            "select engine_start_attempt('{run}', '{snapshot}')"
        ))
        .await?;
    assert_eq!(refused.code, "RE002");
    assert_eq!(session.data(run).await?["run"]["attemptNumber"], 1);
    Ok(())
}

/// Spec: AF-N2.
#[tokio::test]
async fn of_two_completions_the_second_is_refused() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    session.complete(&held, json!({"ok": true})).await?;
    let (run, snapshot) = (&held.run_id, &held.snapshot_id);
    let refused = session
        .refused(&format!("select engine_succeed('{run}', '{snapshot}')"))
        .await?;
    assert_eq!(refused.code, "RE002");
    assert_eq!(
        session
            .count("engine.snapshot where execution_status = 'FINISHED'")
            .await?,
        1
    );
    Ok(())
}

/// Spec: AF-N5.
#[tokio::test]
async fn an_attempt_that_took_too_long_times_out() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    let error = internal_error("MAX_DURATION_EXCEEDED");
    let completed = session
        .complete(&held, json!({"ok": false, "error": error}))
        .await?;
    assert_eq!(completed.run_status, "TIMED_OUT");
    Ok(())
}

/// Spec: AF-N11.
#[tokio::test]
async fn the_first_start_is_remembered() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    let sql =
        "select executed_at::text, coalesce(started_at, dequeued_at)::text from engine.run_state";
    let first = session.client.query_one(sql, &[]).await?;
    session.lapse(&held.run_id).await?;
    session.tick().await?;
    session.make_due(&held.run_id).await?;
    session.take().await?;
    let second = session.client.query_one(sql, &[]).await?;
    for column in 0..2 {
        assert_eq!(second.get::<_, &str>(column), first.get::<_, &str>(column));
    }
    assert_eq!(session.data(&held.run_id).await?["run"]["attemptNumber"], 2);
    Ok(())
}
