//! Results of runs, for their callers.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

type Told = (
    String,
    String,
    Option<i32>,
    Option<String>,
    Option<Value>,
    bool,
);

/// Execution status, run status, attempt, output, error, and whether there is an end.
async fn result(
    session: &Session,
    run_id: &str,
    environment: Option<&str>,
) -> Result<Option<Told>> {
    let sql = "select execution_status, run_status, attempt_number, output, error, completed_at is not null \
               from engine_run_result($1, $2)";
    let row = session
        .client
        .query_opt(sql, &[&run_id, &environment])
        .await?;
    Ok(row.map(|row| {
        let error: Option<Json<Value>> = row.get(4);
        (
            row.get(0),
            row.get(1),
            row.get(2),
            row.get(3),
            error.map(|Json(error)| error),
            row.get(5),
        )
    }))
}

#[tokio::test]
async fn a_run_returns_its_output_or_its_error_once_it_has_ended() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (good, bad) = (
        session.trigger("test").await?,
        session.trigger("test").await?,
    );
    let queued = (
        "QUEUED".to_owned(),
        "PENDING".to_owned(),
        None,
        None,
        None,
        false,
    );
    assert_eq!(result(&session, &good.run_id, None).await?, Some(queued));
    let held = session.take().await?;
    session
        .complete(&held, json!({"ok": true, "output": "42"}))
        .await?;
    let held = session.take().await?;
    let error = json!({"type": "STRING_ERROR", "raw": "no"});
    session
        .complete(&held, json!({"ok": false, "error": error}))
        .await?;
    let finished = |status: &str| ("FINISHED".to_owned(), status.to_owned(), Some(1));
    let (execution, status, attempt) = finished("COMPLETED_SUCCESSFULLY");
    assert_eq!(
        result(&session, &format!("run_{}", good.run_id), None).await?,
        Some((
            execution,
            status,
            attempt,
            Some("42".to_owned()),
            None,
            true
        ))
    );
    let (execution, status, attempt) = finished("COMPLETED_WITH_ERRORS");
    assert_eq!(
        result(&session, &bad.run_id, Some("default")).await?,
        Some((execution, status, attempt, None, Some(error), true))
    );
    Ok(())
}

#[tokio::test]
async fn a_run_of_another_environment_is_as_good_as_none() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger("test").await?;
    assert_eq!(result(&session, &run.run_id, Some("other")).await?, None);
    assert_eq!(result(&session, "nope", None).await?, None);
    Ok(())
}
