//! The waitpoint of a run is created when a caller first waits for its end.

use std::sync::Arc;

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::{Value, json};
use tokio::task::JoinSet;

async fn session() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// `waitpoint_id`, `status`, `output`, `output_is_error` of `engine_run_waitpoint`.
async fn run_waitpoint(
    session: &Session,
    run_id: &str,
) -> Result<(String, String, Option<String>, bool)> {
    let sql = "select waitpoint_id, status, output, output_is_error from engine_run_waitpoint($1)";
    let row = session.client.query_one(sql, &[&run_id]).await?;
    Ok((row.get(0), row.get(1), row.get(2), row.get(3)))
}

/// Spec: L-01.
#[tokio::test]
async fn a_run_that_is_not_awaited_has_no_waitpoint() -> Result<()> {
    let session = session().await?;
    session.trigger("test").await?;
    assert_eq!(session.count("engine.waitpoint").await?, 0);
    Ok(())
}

/// Spec: L-02.
#[tokio::test]
async fn a_child_that_its_parent_waits_for_has_one() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let arguments = format!(
        "'child', parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    let child = session.trigger_with(&arguments).await?;
    let own = format!(
        "engine.waitpoint where type = 'RUN' and status = 'PENDING' and completed_by_run_id = '{}' \
           and not user_provided_idempotency_key",
        child.run_id
    );
    assert_eq!(session.count(&own).await?, 1);
    Ok(())
}

/// Spec: L-03.
#[tokio::test]
async fn a_run_without_a_waitpoint_ends_as_any_other() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let success = json!({"ok": true, "output": "{\"result\":\"success\"}"});
    let completed = session.complete(&held, success).await?;
    assert_eq!(
        (
            completed.attempt_status.as_str(),
            completed.run_status.as_str(),
            completed.execution_status.as_str()
        ),
        ("RUN_FINISHED", "COMPLETED_SUCCESSFULLY", "FINISHED")
    );
    Ok(())
}

/// Spec: L-06.
#[tokio::test]
async fn a_waitpoint_that_is_there_is_found() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let arguments = format!(
        "'child', parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    let child = session.trigger_with(&arguments).await?;
    let sql = "select waitpoint_id, is_cached from engine_run_waitpoint($1)";
    let row = session.client.query_one(sql, &[&child.run_id]).await?;
    let there: String = session
        .client
        .query_one("select id from engine.waitpoint", &[])
        .await?
        .get(0);
    assert_eq!(
        (row.get::<_, &str>(0), row.get::<_, bool>(1)),
        (there.as_str(), true)
    );
    Ok(())
}

/// Spec: L-07.
#[tokio::test]
async fn a_queued_run_gets_one_that_its_end_completes() -> Result<()> {
    let session = session().await?;
    let run = session.trigger("test").await?;
    let (id, status, ..) = run_waitpoint(&session, &run.run_id).await?;
    assert_eq!(status, "PENDING");
    let data = session.waitpoint(&id).await?;
    assert_eq!(
        (&data["type"], &data["completedByTaskRun"]["id"]),
        (&json!("RUN"), &json!(run.run_id))
    );
    session.check().await?;
    let held = session.take().await?;
    session
        .complete(&held, json!({"ok": true, "output": "7"}))
        .await?;
    let (same, status, output, is_error) = run_waitpoint(&session, &run.run_id).await?;
    assert_eq!((same, status.as_str()), (id, "COMPLETED"));
    assert_eq!((output.as_deref(), is_error), (Some("7"), false));
    session.check().await
}

#[tokio::test]
async fn a_finished_run_gets_one_that_is_completed_with_its_output() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    session
        .complete(&held, json!({"ok": true, "output": "7"}))
        .await?;
    let (_, status, output, is_error) = run_waitpoint(&session, &held.run_id).await?;
    assert_eq!(
        (status.as_str(), output.as_deref(), is_error),
        ("COMPLETED", Some("7"), false)
    );
    session.check().await
}

/// Spec: L-09.
#[tokio::test]
async fn a_failed_run_gets_one_that_is_completed_with_its_error() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let error = json!({"type": "BUILT_IN_ERROR", "name": "Error", "message": "Something broke", "stackTrace": ""});
    session
        .complete(&held, json!({"ok": false, "error": error}))
        .await?;
    let (_, status, output, is_error) = run_waitpoint(&session, &held.run_id).await?;
    assert_eq!((status.as_str(), is_error), ("COMPLETED", true));
    let output: Value = serde_json::from_str(&output.context("no output")?)?;
    assert_eq!(
        (&output["type"], &output["message"]),
        (&json!("BUILT_IN_ERROR"), &json!("Something broke"))
    );
    Ok(())
}

/// Spec: L-10.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_calls_get_the_same_waitpoint() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let run = session.trigger("test").await?;
    let mut asking = JoinSet::new();
    for _ in 0..3 {
        let (other, run_id) = (
            Arc::new(Session::open(&database).await?),
            run.run_id.clone(),
        );
        asking
            .spawn(async move { Ok::<_, anyhow::Error>(run_waitpoint(&other, &run_id).await?.0) });
    }
    let mut ids: Vec<String> = asking.join_all().await.into_iter().collect::<Result<_>>()?;
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(session.count("engine.waitpoint").await?, 1);
    session.check().await
}

/// Spec: L-13.
#[tokio::test]
async fn a_run_that_does_not_exist_has_no_end() -> Result<()> {
    let session = session().await?;
    let refused = session
        .refused("select engine_run_waitpoint('nope')")
        .await?;
    assert_eq!(refused.code, "RE001");
    Ok(())
}
