//! Parents that wait for the children that they trigger.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};
use serde_json::{Value, json};

async fn session() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// Triggers a child for which an executing parent waits.
async fn child(session: &Session, parent: &Held) -> Result<Held> {
    let arguments = format!(
        "'child-task', parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    session.trigger_with(&arguments).await
}

/// The waitpoint of a run.
async fn waitpoint_of(session: &Session, run_id: &str) -> Result<String> {
    let sql = "select id from engine.waitpoint where completed_by_run_id = $1 and type = 'RUN'";
    let row = session.client.query_opt(sql, &[&run_id]).await?;
    Ok(row.context("the run has no waitpoint")?.get(0))
}

/// The message in the error of a waitpoint.
async fn error_of(session: &Session, waitpoint_id: &str) -> Result<Value> {
    let data = session.waitpoint(waitpoint_id).await?;
    assert_eq!(
        (&data["status"], &data["outputIsError"]),
        (&json!("COMPLETED"), &json!(true))
    );
    Ok(serde_json::from_str(
        data["output"].as_str().context("no output")?,
    )?)
}

#[tokio::test]
async fn without_a_parent_no_run_waits_whatever_the_options() -> Result<()> {
    let session = session().await?;
    let run = session.trigger_with("'t', resume_parent => true").await?;
    assert_eq!(session.execution_status(&run.run_id).await?, "QUEUED");
    assert_eq!(session.count("engine.edge").await?, 0);
    assert_eq!(session.count("engine.waitpoint").await?, 0);
    let held = session.take().await?;
    let ended = session.complete(&held, json!({"ok": true})).await?;
    assert_eq!(ended.attempt_status, "RUN_FINISHED");
    session.check().await
}

/// Spec: T-01.
#[tokio::test]
async fn a_parent_waits_for_its_child_and_gets_its_output() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent-task").await?;
    let child = child(&session, &parent).await?;
    assert_eq!(session.execution_status(&child.run_id).await?, "QUEUED");
    assert_eq!(
        session.execution_status(&parent.run_id).await?,
        "EXECUTING_WITH_WAITPOINTS"
    );
    let waitpoint = waitpoint_of(&session, &child.run_id).await?;
    let edge = format!(
        "engine.edge where run_id = '{}' and waitpoint_id = '{waitpoint}' and batch_index = -1 and batch_id is null",
        parent.run_id
    );
    assert_eq!(session.count(&edge).await?, 1);
    session.check().await?;

    let held = session.take().await?;
    assert_eq!(held.run_id, child.run_id);
    let success =
        json!({"ok": true, "output": "{\"foo\":\"bar\"}", "outputType": "application/json"});
    session.complete(&held, success).await?;
    assert_eq!(session.execution_status(&child.run_id).await?, "FINISHED");
    let data = session.waitpoint(&waitpoint).await?;
    assert_eq!(
        (&data["status"], &data["output"]),
        (&json!("COMPLETED"), &json!("{\"foo\":\"bar\"}"))
    );
    assert!(data["completedAt"].is_string());
    assert_eq!(session.edges(&parent.run_id).await?, 0);
    let data = session.data(&parent.run_id).await?;
    assert_eq!(data["snapshot"]["executionStatus"], "EXECUTING");
    let completed = data["completedWaitpoints"].as_array().context("no array")?;
    assert_eq!(completed.len(), 1);
    assert_eq!(completed[0]["id"], waitpoint.as_str());
    assert_eq!(
        completed[0]["completedByTaskRun"]["id"],
        child.run_id.as_str()
    );
    assert_eq!(completed[0]["output"], "{\"foo\":\"bar\"}");
    session.check().await
}

/// Spec: T-02.
#[tokio::test]
async fn two_parents_wait_for_one_child() -> Result<()> {
    let session = session().await?;
    let first = session.executing("parent-task").await?;
    let child = child(&session, &first).await?;
    let held = session.take().await?;
    let second = session.executing("parent-task").await?;
    let waitpoint = waitpoint_of(&session, &child.run_id).await?;
    let blocked = session.block(&second.run_id, &[&waitpoint]).await?;
    assert_eq!(blocked.execution_status, "EXECUTING_WITH_WAITPOINTS");
    session
        .complete(&held, json!({"ok": true, "output": "{\"foo\":\"bar\"}"}))
        .await?;
    for parent in [&first, &second] {
        assert_eq!(session.edges(&parent.run_id).await?, 0);
        let data = session.data(&parent.run_id).await?;
        assert_eq!(data["snapshot"]["executionStatus"], "EXECUTING");
        let completed = &data["completedWaitpoints"];
        assert_eq!(completed.as_array().map(Vec::len), Some(1));
        assert_eq!(completed[0]["id"], waitpoint.as_str());
        assert_eq!(
            completed[0]["completedByTaskRun"]["id"],
            child.run_id.as_str()
        );
        assert_eq!(completed[0]["output"], "{\"foo\":\"bar\"}");
    }
    session.check().await
}

/// Spec: T-05.
#[tokio::test]
async fn a_child_without_an_output_returns_none() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent-task").await?;
    let child = child(&session, &parent).await?;
    let held = session.take().await?;
    session.complete(&held, json!({"ok": true})).await?;
    let waitpoint = waitpoint_of(&session, &child.run_id).await?;
    let data = session.waitpoint(&waitpoint).await?;
    assert_eq!(data.get("output"), None);
    assert_eq!(
        (&data["outputIsError"], &data["outputType"]),
        (&json!(false), &json!("application/json"))
    );
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    Ok(())
}

/// Spec: T-06, RAS-3.
#[tokio::test]
async fn a_queued_child_that_is_cancelled_returns_its_reason() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent-task").await?;
    let child = child(&session, &parent).await?;
    let waitpoint = waitpoint_of(&session, &child.run_id).await?;
    assert_eq!(session.waitpoint(&waitpoint).await?["status"], "PENDING");
    let sql = "select execution_status, run_status from engine_cancel($1, 'not needed')";
    let row = session.client.query_one(sql, &[&child.run_id]).await?;
    assert_eq!(
        (row.get::<_, &str>(0), row.get::<_, &str>(1)),
        ("FINISHED", "CANCELED")
    );
    assert_eq!(
        error_of(&session, &waitpoint).await?,
        json!({"type": "STRING_ERROR", "raw": "not needed"})
    );
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    session.check().await
}

#[tokio::test]
async fn a_cancelled_child_returns_nothing_before_its_worker_has_confirmed() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent-task").await?;
    let child = child(&session, &parent).await?;
    session.take().await?;
    let sql = "select snapshot_id from engine_cancel($1)";
    let snapshot: String = session
        .client
        .query_one(sql, &[&child.run_id])
        .await?
        .get(0);
    let waitpoint = waitpoint_of(&session, &child.run_id).await?;
    assert_eq!(session.waitpoint(&waitpoint).await?["status"], "PENDING");
    let held = Held {
        run_id: child.run_id,
        snapshot_id: snapshot,
    };
    let confirmed =
        json!({"ok": false, "error": {"type": "INTERNAL_ERROR", "code": "TASK_RUN_CANCELLED"}});
    session.complete(&held, confirmed).await?;
    assert_eq!(
        error_of(&session, &waitpoint).await?["raw"],
        "Canceled by user"
    );
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    Ok(())
}

#[tokio::test]
async fn a_failed_child_returns_its_error_and_its_parent_continues() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent-task").await?;
    let child = child(&session, &parent).await?;
    let held = session.take().await?;
    let error = json!({"type": "BUILT_IN_ERROR", "name": "E", "message": "m", "stackTrace": "s"});
    session
        .complete(&held, json!({"ok": false, "error": error}))
        .await?;
    let waitpoint = waitpoint_of(&session, &child.run_id).await?;
    assert_eq!(error_of(&session, &waitpoint).await?, error);
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    Ok(())
}

#[tokio::test]
async fn a_child_whose_worker_dies_for_good_returns_its_error() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent-task").await?;
    let arguments = format!(
        "'child', parent_run_id => '{}', resume_parent => true, max_attempts => 1",
        parent.run_id
    );
    let child = session.trigger_with(&arguments).await?;
    session.take().await?;
    session.lapse(&child.run_id).await?;
    assert_eq!(session.tick().await?, 1);
    let waitpoint = waitpoint_of(&session, &child.run_id).await?;
    let error = error_of(&session, &waitpoint).await?;
    assert_eq!(error["code"], "TASK_RUN_STALLED_EXECUTING");
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    session.check().await
}

#[tokio::test]
async fn a_child_that_could_not_be_triggered_returns_its_error_with_the_next_tick() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent-task").await?;
    let run = json!({"task": "child", "parent_run_id": parent.run_id, "resume_parent": true});
    let sql = format!(
        "select run_id from engine_create_failed_run('{run}', '{{\"type\": \"STRING_ERROR\", \"raw\": \"no\"}}')"
    );
    let child: String = session.client.query_one(&sql, &[]).await?.get(0);
    assert_eq!(
        session.execution_status(&parent.run_id).await?,
        "EXECUTING_WITH_WAITPOINTS"
    );
    session.check().await?;
    session.tick().await?;
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    let waitpoint = waitpoint_of(&session, &child).await?;
    assert_eq!(error_of(&session, &waitpoint).await?["raw"], "no");
    session.check().await
}

#[tokio::test]
async fn a_parent_that_cannot_wait_triggers_no_child() -> Result<()> {
    let session = session().await?;
    let parent = session.trigger("parent-task").await?;
    let trigger = format!(
        "select engine_trigger('child', parent_run_id => '{}', resume_parent => true)",
        parent.run_id
    );
    assert_eq!(session.refused(&trigger).await?.code, "RE004");
    let held = session.take().await?;
    session.complete(&held, json!({"ok": true})).await?;
    assert_eq!(session.refused(&trigger).await?.code, "RE003");
    session
        .client
        .batch_execute("begin isolation level repeatable read")
        .await?;
    assert_eq!(session.refused(&trigger).await?.code, "RE006");
    session.client.batch_execute("rollback").await?;
    assert_eq!(session.count("engine.run").await?, 1);
    assert_eq!(session.count("engine.waitpoint").await?, 0);
    Ok(())
}

#[tokio::test]
async fn many_children_of_one_call_block_their_parent_once() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent-task").await?;
    let sql = "select count(*) from engine_trigger_many((select jsonb_agg(jsonb_build_object( \
               'task', 'child', 'parent_run_id', $1::text, 'resume_parent', true)) from generate_series(1, 20)))";
    session.client.query_one(sql, &[&parent.run_id]).await?;
    assert_eq!(session.edges(&parent.run_id).await?, 20);
    assert_eq!(
        session
            .count("engine.snapshot where transition = 'BLOCKED'")
            .await?,
        1
    );
    for held in session.dequeue_many(20).await? {
        let held = session.start(&held).await?;
        session.complete(&held, json!({"ok": true})).await?;
    }
    let data = session.data(&parent.run_id).await?;
    assert_eq!(data["snapshot"]["executionStatus"], "EXECUTING");
    assert_eq!(
        data["completedWaitpoints"].as_array().map(Vec::len),
        Some(20)
    );
    assert_eq!(
        session
            .count("engine.snapshot where transition = 'UNBLOCKED'")
            .await?,
        1
    );
    session.check().await
}
