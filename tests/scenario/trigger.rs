//! Triggers that run to success, with one snapshot per trigger.

use anyhow::{Context, Result, bail};
use engine_harness::{Database, Session};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

/// Spec: TRG-1.
#[tokio::test]
async fn a_run_goes_from_trigger_to_success() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger_with("'test', run_id => 'run_1234'").await?;
    assert_eq!(run.run_id, "1234");
    assert_eq!(session.status("run_1234").await?.0, "QUEUED");
    assert_eq!(session.count("engine.waitpoint").await?, 0);
    assert_eq!(session.count("engine.queue_item").await?, 1);
    assert_eq!(session.count("engine.slot").await?, 0);

    let sql = "select run_id, snapshot_id, attempt_number from engine_dequeue()";
    let messages = session.client.query(sql, &[]).await?;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].get::<_, &str>("run_id"), run.run_id);
    assert_eq!(messages[0].get::<_, i32>("attempt_number"), 1);
    assert_eq!(session.count("engine.slot").await?, 1);

    let sql = "select run_id, snapshot_id, run_status, execution_status, attempt_number, execution \
               from engine_start_attempt($1, $2)";
    let snapshot: &str = messages[0].get("snapshot_id");
    let started = session
        .client
        .query_one(sql, &[&run.run_id, &snapshot])
        .await?;
    assert_eq!(started.get::<_, &str>("run_status"), "EXECUTING");
    assert_eq!(started.get::<_, &str>("execution_status"), "EXECUTING");
    assert_eq!(started.get::<_, i32>("attempt_number"), 1);
    let execution: Json<Value> = started.get("execution");
    assert_eq!(execution.0["attempt"]["number"], 1);
    assert_eq!(execution.0["run"]["id"], "run_1234");
    let data = session.data(&run.run_id).await?;
    assert_eq!(data["snapshot"]["executionStatus"], "EXECUTING");
    assert_eq!(data["run"]["attemptNumber"], 1);
    assert_eq!(data["run"]["status"], "EXECUTING");

    let held = engine_harness::Held {
        run_id: run.run_id.clone(),
        snapshot_id: started.get("snapshot_id"),
    };
    let success =
        json!({"ok": true, "output": r#"{"foo":"bar"}"#, "outputType": "application/json"});
    let completed = session.complete(&held, success).await?;
    assert_eq!(completed.attempt_status, "RUN_FINISHED");
    assert_eq!(completed.execution_status, "FINISHED");
    assert_eq!(completed.run_status, "COMPLETED_SUCCESSFULLY");
    assert_eq!(completed.attempt_number, Some(1));
    let finished = ("FINISHED".to_owned(), "COMPLETED_SUCCESSFULLY".to_owned());
    assert_eq!(session.status(&run.run_id).await?, finished);
    let sql = "select output, output_type from engine_run_result($1)";
    let row = session.client.query_one(sql, &[&run.run_id]).await?;
    assert_eq!(row.get::<_, &str>(0), r#"{"foo":"bar"}"#);
    assert_eq!(row.get::<_, &str>(1), "application/json");
    assert_eq!(session.count("engine.slot").await?, 0);
    assert_eq!(session.count("engine.heartbeat").await?, 0);
    assert_eq!(session.count("engine.waitpoint").await?, 0);
    Ok(())
}

/// Spec: TRG-2.
#[tokio::test]
async fn a_run_whose_task_fails_without_retry_ends_with_errors() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger("test").await?;
    let held = session.take().await?;
    let error = json!({"type": "BUILT_IN_ERROR", "name": "UserError",
                       "message": "This is a user error", "stackTrace": ""});
    let completed = session
        .complete(&held, json!({"ok": false, "error": error}))
        .await?;
    assert_eq!(completed.attempt_status, "RUN_FINISHED");
    assert_eq!(completed.execution_status, "FINISHED");
    assert_eq!(completed.run_status, "COMPLETED_WITH_ERRORS");
    assert_eq!(completed.attempt_number, Some(1));
    let row = session
        .client
        .query_one("select error from engine.run_state", &[])
        .await?;
    assert_eq!(row.get::<_, Json<Value>>(0).0, error);
    assert_eq!(
        session.status(&run.run_id).await?.1,
        "COMPLETED_WITH_ERRORS"
    );
    assert_eq!(session.count("engine.slot").await?, 0);
    assert_eq!(session.count("engine.waitpoint").await?, 0);
    Ok(())
}

/// Spec: TRG-3.
#[tokio::test]
async fn annotations_are_kept_as_they_are() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let annotations = json!({"triggerSource": "schedule", "triggerAction": "trigger",
                             "rootTriggerSource": "schedule", "rootScheduleId": "sched_abc123"});
    session
        .trigger_with(&format!("'test', annotations => '{annotations}'"))
        .await?;
    let row = session
        .client
        .query_one("select annotations from engine.run", &[])
        .await?;
    assert_eq!(row.get::<_, Json<Value>>(0).0, annotations);
    Ok(())
}

/// Spec: COL-1.
#[tokio::test]
async fn a_trigger_writes_exactly_one_snapshot() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger("test").await?;
    let rows = session
        .client
        .query("select id, execution_status::text from engine.history", &[])
        .await?;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<_, &str>(0), run.snapshot_id);
    assert_eq!(rows[0].get::<_, &str>(1), "QUEUED");
    assert_eq!(session.count("engine.queue_item").await?, 1);
    assert_eq!(session.status(&run.run_id).await?.0, "QUEUED");
    Ok(())
}

/// Spec: ENQ-1.
#[tokio::test]
async fn a_triggered_run_can_be_dequeued() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger("test").await?;
    let held = session.dequeue().await?.context("nothing is queued")?;
    assert_eq!(held.run_id, run.run_id);
    assert_eq!(session.dequeue().await?, None);
    Ok(())
}

/// The compiler finds an option without an argument or a reader; this test finds one that nothing stores.
#[tokio::test]
async fn every_option_is_stored_in_the_column_of_its_name() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let stored = async |arguments: &str| -> Result<Value> {
        let run = session.trigger_with(arguments).await?;
        let sql = "select to_jsonb(r) from engine.run as r where r.id = $1";
        let row = session.client.query_one(sql, &[&run.run_id]).await?;
        Ok(row.get::<_, Json<Value>>(0).0)
    };
    let plain = stored("'t'").await?;
    let mut count = 0;
    for (option, kind) in engine_core::TriggerOptions::PARAMETERS {
        // These name what exists, or need a parent.
        let is_reference = [
            "environment_id",
            "parent_run_id",
            "resume_parent",
            "batch_id",
        ];
        if plain.get(option).is_none() || is_reference.contains(option) {
            continue;
        }
        let value = match (*option, *kind) {
            ("payload", _) => "'[1]'",
            ("machine", _) => "'small-2x'",
            ("ttl", _) => "'1h'",
            ("debounce", _) => r#"'{"key": "k", "delay": "1h"}'"#,
            (_, "text") => "'x'",
            (_, "text[]") => "'{x}'",
            (_, "integer" | "bigint") => "7",
            (_, "boolean") => "true",
            (_, "jsonb") => r#"'{"maxAttempts": 7}'"#,
            (_, "timestamptz") => "'2040-01-01 00:00:00Z'",
            (option, kind) => bail!("what is {option} {kind}?"),
        };
        let task = if *option == "task" { "" } else { "'t', " };
        let with = stored(&format!("{task}{option} => {value}")).await?;
        assert_ne!(with[option], plain[option], "{option}");
        count += 1;
    }
    assert!(count > 20, "{count}");
    Ok(())
}
