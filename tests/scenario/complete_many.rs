//! Many completions in one call: none affects another.

use anyhow::Result;
use engine_harness::{Database, Held, Session};
use serde_json::{Value, json};
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use crate::reported::{failure_with_retry, user_error};

/// This many executing runs, in one order or the other.
async fn executing(session: &Session, runs: usize) -> Result<Vec<Held>> {
    let mut held = Vec::new();
    for _ in 0..runs {
        session.trigger("test").await?;
        held.push(session.take().await?);
    }
    Ok(held)
}

fn element(held: &Held, completion: Value) -> Value {
    let mut element = completion;
    element["run_id"] = json!(held.run_id);
    element["snapshot_id"] = json!(held.snapshot_id);
    element
}

async fn complete_many(session: &Session, elements: Vec<Value>) -> Result<Vec<Row>> {
    let sql = "select run_id, snapshot_id, attempt_status, execution_status, run_status, attempt_number, error_code, \
                      error_message \
               from engine_complete_many($1, 'w', 'r')";
    Ok(session.client.query(sql, &[&Json(elements)]).await?)
}

fn text<'a>(row: &'a Row, column: &str) -> Option<&'a str> {
    row.get(column)
}

#[tokio::test]
async fn a_stale_an_unknown_a_malformed_and_a_duplicate_element_do_not_spoil_their_neighbours()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let held = executing(&session, 4).await?;
    let stale = Held {
        snapshot_id: "old".to_owned(),
        ..held[1].clone()
    };
    let unknown = Held {
        run_id: "nope".to_owned(),
        ..held[1].clone()
    };
    let elements = vec![
        element(&held[3], json!({"ok": true, "output": "3"})),
        element(&stale, json!({"ok": true})),
        element(&unknown, json!({"ok": true})),
        element(&held[2], json!({"ok": "perhaps"})),
        element(&held[3], json!({"ok": true, "output": "\"again\""})),
        json!(5),
        json!({"run_id": held[2].run_id, "ok": true}),
        element(&held[0], failure_with_retry(user_error(), 0)),
    ];
    let rows = complete_many(&session, elements).await?;
    let codes: Vec<Option<&str>> = rows.iter().map(|row| text(row, "error_code")).collect();
    let (stale, unknown, malformed, missing) =
        (Some("RE002"), Some("RE001"), Some("22032"), Some("22004"));
    assert_eq!(
        codes,
        [
            None, stale, unknown, malformed, stale, missing, missing, None
        ]
    );
    for row in &rows {
        let is_refused = text(row, "error_code").is_some();
        assert_eq!(text(row, "error_message").is_some(), is_refused);
        assert_eq!(text(row, "snapshot_id").is_none(), is_refused);
        assert_eq!(text(row, "attempt_status").is_none(), is_refused);
    }
    let ids = [&held[3], &held[1]].map(|held| Some(held.run_id.as_str()));
    assert_eq!([text(&rows[0], "run_id"), text(&rows[1], "run_id")], ids);
    assert_eq!(text(&rows[0], "run_status"), Some("COMPLETED_SUCCESSFULLY"));
    assert_eq!(text(&rows[7], "attempt_status"), Some("RETRY_IMMEDIATELY"));

    let states = [
        ("3", "FINISHED"),
        ("0", "EXECUTING"),
        ("1", "EXECUTING"),
        ("2", "EXECUTING"),
    ];
    for (run, expected) in states {
        let held = &held[run.parse::<usize>()?];
        assert_eq!(session.status(&held.run_id).await?.0, expected, "run {run}");
    }
    assert_eq!(
        session.count("engine.run_state where output = '3'").await?,
        1
    );
    assert_eq!(session.count("engine.slot").await?, 3);
    // A refused completion can be repeated correctly.
    session.complete(&held[1], json!({"ok": true})).await?;
    session.complete(&held[2], json!({"ok": true})).await?;
    session.check().await
}

#[tokio::test]
async fn a_refused_element_does_not_use_up_its_run() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let held = executing(&session, 1).await?.remove(0);
    let stale = Held {
        snapshot_id: "old".to_owned(),
        ..held.clone()
    };
    let elements = vec![
        element(&stale, json!({"ok": true})),
        element(&held, json!({"ok": true})),
    ];
    let rows = complete_many(&session, elements).await?;
    assert_eq!(
        (text(&rows[0], "error_code"), text(&rows[1], "error_code")),
        (Some("RE002"), None)
    );
    Ok(())
}

#[tokio::test]
async fn completions_of_every_outcome_are_written_in_one_commit_and_answered_in_order() -> Result<()>
{
    let session = Session::open(&Database::fresh().await?).await?;
    let held = executing(&session, 4).await?;
    let asked = session.cancel(&format!("'{}'", held[3].run_id)).await?;
    let elements = vec![
        element(&held[0], json!({"ok": true, "metadata": {"step": 2}})),
        element(&held[1], json!({"ok": false, "error": user_error()})),
        element(&held[2], failure_with_retry(user_error(), 60_000)),
        element(&asked.latest, crate::reported::cancel_confirmed()),
    ];
    let rows = complete_many(&session, elements).await?;
    let led_to: Vec<_> = rows
        .iter()
        .map(|row| (text(row, "attempt_status"), text(row, "run_status")))
        .collect();
    let finished = Some("RUN_FINISHED");
    assert_eq!(
        led_to,
        [
            (finished, Some("COMPLETED_SUCCESSFULLY")),
            (finished, Some("COMPLETED_WITH_ERRORS")),
            (Some("RETRY_QUEUED"), Some("PENDING")),
            (finished, Some("CANCELED")),
        ]
    );
    let sql = "select count(distinct xmin::text) from engine.snapshot where (run_id, ordinal) in (select run_id, ordinal from engine.history where id = any($1))";
    let snapshots: Vec<Option<&str>> = rows.iter().map(|row| text(row, "snapshot_id")).collect();
    let transactions: i64 = session.client.query_one(sql, &[&snapshots]).await?.get(0);
    assert_eq!(transactions, 1);
    let names = session.all_events(0).await?;
    for (name, held) in [
        ("runMetadataUpdated", &held[0]),
        ("runSucceeded", &held[0]),
        ("runFailed", &held[1]),
        ("runRetryScheduled", &held[2]),
        ("runCancelled", &held[3]),
    ] {
        let matching = names
            .iter()
            .filter(|event| event.name == name && event.run_id == held.run_id);
        assert_eq!(matching.count(), 1, "{name}");
    }
    let named = "engine.snapshot where worker_id = 'w' and runner_id = 'r'";
    assert_eq!(session.count(named).await?, 3, "a requeue names no worker");
    Ok(())
}

#[tokio::test]
async fn no_completions_are_no_rows_and_too_many_are_refused_whole() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.max_batch", "2").await?;
    let session = Session::open(&database).await?;
    assert!(complete_many(&session, Vec::new()).await?.is_empty());
    let held = executing(&session, 1).await?.remove(0);
    let element = element(&held, json!({"ok": true}));
    let three = Value::Array(vec![element; 3]);
    let refused = session
        .refused(&format!("select engine_complete_many('{three}')"))
        .await?;
    assert_eq!(refused.code, "22023");
    assert_eq!(session.status(&held.run_id).await?.0, "EXECUTING");
    Ok(())
}
