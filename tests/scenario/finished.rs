//! Runs that begin finished.

use anyhow::{Context, Result};
use engine_harness::{Database, Event, Session};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

const CANCELLED_AT: &str = "2026-05-20T12:00:00Z";

/// A database whose environment `e` belongs to a project and an organization.
async fn open() -> Result<Session> {
    let session = Session::open(&Database::fresh().await?).await?;
    let sql = "select engine_set_environment('e', project_id => 'proj', organization_id => 'org')";
    session.client.batch_execute(sql).await?;
    Ok(session)
}

/// The run of the scenarios.
fn run() -> Value {
    json!({"run_id": "run_1234", "task": "test-task", "payload": {"hello": "world"}, "tags": ["test-tag"],
           "environment_id": "e", "trace_context": {"spanId": "s12345"}})
}

/// Creates a cancelled run; returns its id and whether it existed.
async fn cancelled(session: &Session, run: &Value, emit_event: bool) -> Result<(String, bool)> {
    let sql = "select run_id, is_cached from engine_create_cancelled_run( \
               $1, $2::text::timestamptz, 'Canceled by user', emit_event => $3)";
    let row = session
        .client
        .query_one(sql, &[&Json(run), &CANCELLED_AT, &emit_event])
        .await?;
    Ok((row.get(0), row.get(1)))
}

fn reason() -> Value {
    json!({"type": "STRING_ERROR", "raw": "Canceled by user"})
}

async fn only_event(session: &Session) -> Result<Event> {
    let mut events = session.all_events(0).await?;
    assert_eq!(events.len(), 1, "{events:?}");
    events.pop().context("no event")
}

/// Spec: CCR-1.
#[tokio::test]
async fn a_run_may_begin_cancelled() -> Result<()> {
    let session = open().await?;
    assert_eq!(
        cancelled(&session, &run(), true).await?,
        ("1234".to_owned(), false)
    );
    let sql = "select s.run_status::text, s.execution_status::text, s.completed_at = $1::text::timestamptz, r.tags, s.error, \
                      r.payload, s.attempt_number, p.execution_status::text, p.run_status::text \
               from engine.run as r join engine.run_state as s on s.run_id = r.id \
               join engine.history as p on p.id = s.snapshot_id";
    let row = session.client.query_one(sql, &[&CANCELLED_AT]).await?;
    assert_eq!(
        (row.get::<_, &str>(0), row.get::<_, &str>(1)),
        ("CANCELED", "FINISHED")
    );
    assert!(row.get::<_, bool>(2));
    assert_eq!(row.get::<_, Vec<String>>(3), ["test-tag"]);
    assert_eq!(row.get::<_, Json<Value>>(4).0, reason());
    assert_eq!(
        (row.get::<_, &str>(5), row.get::<_, i32>(6)),
        (r#"{"hello":"world"}"#, 0)
    );
    assert_eq!(
        (row.get::<_, &str>(7), row.get::<_, &str>(8)),
        ("FINISHED", "CANCELED")
    );
    assert_eq!(session.count("engine.queue_item").await?, 0);
    Ok(())
}

/// Spec: CCR-2.
#[tokio::test]
async fn a_run_that_begins_cancelled_is_reported_as_cancelled_and_as_nothing_else() -> Result<()> {
    let session = open().await?;
    cancelled(&session, &run(), true).await?;
    let event = only_event(&session).await?;
    assert_eq!(event.name, "runCancelled");
    let run = &event.body["run"];
    assert_eq!(
        (&run["status"], &run["friendlyId"]),
        (&json!("CANCELED"), &json!("run_1234"))
    );
    assert_eq!(
        (&run["error"], &run["spanId"]),
        (&reason(), &json!("s12345"))
    );
    assert_eq!(
        (&run["attemptNumber"], &event.body["organization"]["id"]),
        (&json!(0), &json!("org"))
    );
    Ok(())
}

/// Spec: CCR-3.
#[tokio::test]
async fn a_run_that_begins_cancelled_has_no_events_if_its_creator_says_so() -> Result<()> {
    let session = open().await?;
    cancelled(&session, &run(), false).await?;
    assert_eq!(session.all_events(0).await?, []);
    assert_eq!(
        session
            .count("engine.run_state where run_status = 'CANCELED'")
            .await?,
        1
    );
    Ok(())
}

/// Spec: CCR-4.
#[tokio::test]
async fn a_run_that_begins_cancelled_is_created_and_reported_once_however_often_it_is_requested()
-> Result<()> {
    let session = open().await?;
    cancelled(&session, &run(), true).await?;
    assert_eq!(
        cancelled(&session, &run(), true).await?,
        ("1234".to_owned(), true)
    );
    only_event(&session).await?;
    Ok(())
}

/// Spec: CCR-5.
#[tokio::test]
async fn tags_that_are_an_empty_object_are_no_tags() -> Result<()> {
    let session = open().await?;
    let mut run = run();
    run["tags"] = json!({});
    cancelled(&session, &run, true).await?;
    assert_eq!(session.count("engine.run where tags is null").await?, 1);
    assert_eq!(
        session
            .count("engine.run_state where run_status = 'CANCELED'")
            .await?,
        1
    );
    Ok(())
}

/// Spec: CCR-6.
#[tokio::test]
async fn the_id_of_a_run_that_is_not_cancelled_is_refused() -> Result<()> {
    let session = open().await?;
    session
        .trigger_with("'test-task', run_id => 'run_1234'")
        .await?;
    let sql = format!("select engine_create_cancelled_run('{}')", run());
    let refused = session.refused(&sql).await?;
    assert_eq!(refused.code, "23505");
    let conflict = refused.detail.split_once("createCancelledRun conflict");
    assert!(
        conflict.is_some_and(|(_, rest)| rest.contains("PENDING")),
        "{refused:?}"
    );
    assert_eq!(session.status("1234").await?.0, "QUEUED");
    Ok(())
}

/// Spec: CFR-1.
#[tokio::test]
async fn a_run_that_cannot_be_triggered_begins_failed_and_is_reported_as_failed() -> Result<()> {
    let session = open().await?;
    let error = json!({"type": "STRING_ERROR", "raw": "no such task"});
    let sql = "select run_status, execution_status from engine_create_failed_run($1, $2)";
    let row = session
        .client
        .query_one(sql, &[&Json(run()), &Json(&error)])
        .await?;
    assert_eq!(
        (row.get::<_, &str>(0), row.get::<_, &str>(1)),
        ("SYSTEM_FAILURE", "FINISHED")
    );
    let sql = "select s.run_status::text, r.queue, r.is_test, s.completed_at is not null, p.execution_status::text \
               from engine.run as r join engine.run_state as s on s.run_id = r.id \
               join engine.history as p on p.id = s.snapshot_id";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(
        (row.get::<_, &str>(0), row.get::<_, &str>(1)),
        ("SYSTEM_FAILURE", "task/test-task")
    );
    assert_eq!(
        (row.get::<_, bool>(2), row.get::<_, bool>(3)),
        (false, true)
    );
    assert_eq!(row.get::<_, &str>(4), "FINISHED", "ours has a snapshot");

    let event = only_event(&session).await?;
    assert_eq!(event.name, "runFailed");
    let run = &event.body["run"];
    assert_eq!(
        (&run["id"], &run["status"]),
        (&json!("1234"), &json!("SYSTEM_FAILURE"))
    );
    assert_eq!((&run["spanId"], &run["error"]), (&json!("s12345"), &error));
    assert_eq!(
        (&run["attemptNumber"], &run["usageDurationMs"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(run["costInCents"].as_f64(), Some(0.0));
    for (key, id) in [
        ("organization", "org"),
        ("project", "proj"),
        ("environment", "e"),
    ] {
        assert_eq!(event.body[key]["id"], id);
    }
    Ok(())
}

/// Spec: CFR-2.
#[tokio::test]
async fn a_run_that_begins_failed_has_no_events_if_its_creator_says_so() -> Result<()> {
    let session = open().await?;
    let sql = "select engine_create_failed_run($1, $2, emit_event => false)";
    let error = json!({"type": "STRING_ERROR", "raw": "no such task"});
    session
        .client
        .query_one(sql, &[&Json(run()), &Json(error)])
        .await?;
    assert_eq!(session.all_events(0).await?, []);
    assert_eq!(
        session
            .count("engine.run_state where run_status = 'SYSTEM_FAILURE'")
            .await?,
        1
    );
    Ok(())
}
