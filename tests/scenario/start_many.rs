//! Many starts in one call: none affects another.

use anyhow::Result;
use engine_harness::{Database, Held, Session};
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

/// This many dequeued runs.
async fn dequeued(session: &Session, runs: i32) -> Result<Vec<Held>> {
    for _ in 0..runs {
        session.trigger("test").await?;
    }
    session.dequeue_many(runs).await
}

async fn start_many(session: &Session, pairs: &[(Option<&str>, Option<&str>)]) -> Result<Vec<Row>> {
    let (runs, snapshots): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    let sql = "select run_id, snapshot_id, execution_status, run_status, attempt_number, heartbeat_ms, execution, \
                      error_code, error_message \
               from engine_start_many($1, $2, 'w', 'r', true, true)";
    Ok(session.client.query(sql, &[&runs, &snapshots]).await?)
}

fn text<'a>(row: &'a Row, column: &str) -> Option<&'a str> {
    row.get(column)
}

fn pair(held: &Held) -> (Option<&str>, Option<&str>) {
    (Some(&held.run_id), Some(&held.snapshot_id))
}

#[tokio::test]
async fn a_stale_an_unknown_a_null_and_a_duplicate_element_do_not_spoil_their_neighbours()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let held = dequeued(&session, 3).await?;
    let rows = start_many(
        &session,
        &[
            pair(&held[2]),
            (Some(&held[1].run_id), Some("old")),
            (Some("nope"), Some("old")),
            (None, Some("old")),
            (Some(&held[1].run_id), None),
            pair(&held[2]),
            pair(&held[0]),
        ],
    )
    .await?;
    let codes: Vec<Option<&str>> = rows.iter().map(|row| text(row, "error_code")).collect();
    let (stale, unknown, missing) = (Some("RE002"), Some("RE001"), Some("22004"));
    assert_eq!(codes, [None, stale, unknown, missing, missing, stale, None]);
    for row in &rows {
        let is_refused = text(row, "error_code").is_some();
        assert_eq!(text(row, "error_message").is_some(), is_refused);
        assert_eq!(text(row, "snapshot_id").is_none(), is_refused);
        assert_eq!(
            row.get::<_, Option<i64>>("heartbeat_ms").is_none(),
            is_refused
        );
    }
    for (row, held) in [(&rows[0], &held[2]), (&rows[6], &held[0])] {
        assert_eq!(text(row, "run_id"), Some(held.run_id.as_str()));
        assert_eq!(text(row, "execution_status"), Some("EXECUTING"));
        assert_eq!(row.get::<_, i32>("attempt_number"), 1);
        let execution: Json<Value> = row.get("execution");
        let run = format!("run_{}", held.run_id);
        assert_eq!(execution.0["run"]["id"].as_str(), Some(run.as_str()));
        let latest = session.data(&held.run_id).await?;
        assert_eq!(latest["snapshot"]["id"].as_str(), text(row, "snapshot_id"));
    }
    // A refused start can be repeated correctly.
    assert_eq!(
        session.status(&held[1].run_id).await?.0,
        "PENDING_EXECUTING"
    );
    session.start(&held[1]).await?;
    Ok(())
}

#[tokio::test]
async fn starts_are_written_in_one_commit_and_name_their_worker() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let held = dequeued(&session, 100).await?;
    let pairs: Vec<_> = held.iter().rev().map(pair).collect();
    let rows = start_many(&session, &pairs).await?;
    let started: Vec<Option<&str>> = rows.iter().map(|row| text(row, "run_id")).collect();
    let asked: Vec<Option<&str>> = pairs.iter().map(|(run_id, _)| *run_id).collect();
    assert_eq!(started, asked, "in order");
    let sql = "select count(*), count(distinct xmin::text) from engine.snapshot \
               where execution_status = 'EXECUTING' and worker_id = 'w' and runner_id = 'r'";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (100, 1));
    assert_eq!(
        session
            .count("engine.run_state where is_warm_start")
            .await?,
        100
    );
    Ok(())
}

#[tokio::test]
async fn a_run_without_attempts_left_ends_beside_others_that_start() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let held = dequeued(&session, 2).await?;
    let spent = "update engine.run_state set attempt_number = 250 where run_id = $1";
    session.client.execute(spent, &[&held[0].run_id]).await?;
    let rows = start_many(&session, &[pair(&held[0]), pair(&held[1])]).await?;
    assert_eq!(text(&rows[0], "execution_status"), Some("FINISHED"));
    assert_eq!(text(&rows[0], "run_status"), Some("CRASHED"));
    assert!(rows[0].get::<_, Option<Json<Value>>>("execution").is_none());
    assert_eq!(text(&rows[1], "execution_status"), Some("EXECUTING"));
    assert_eq!(session.status(&held[0].run_id).await?.0, "FINISHED");
    Ok(())
}

#[tokio::test]
async fn no_starts_are_no_rows_and_too_many_are_refused_whole() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.max_batch", "2").await?;
    let session = Session::open(&database).await?;
    assert!(start_many(&session, &[]).await?.is_empty());
    let refused = session
        .refused("select engine_start_many('{a,b,c}', '{x,y,z}')")
        .await?;
    assert_eq!(refused.code, "22023");
    Ok(())
}

#[tokio::test]
async fn the_document_is_built_only_for_callers_that_ask_and_is_the_same_later() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let held = dequeued(&session, 3).await?;
    let start = |function: &str, held: &Held, with: &str| {
        let (run_id, snapshot_id) = match function {
            "engine_start_many" => (
                format!("'{{{}}}'", held.run_id),
                format!("'{{{}}}'", held.snapshot_id),
            ),
            _ => (
                format!("'{}'", held.run_id),
                format!("'{}'", held.snapshot_id),
            ),
        };
        format!("select execution from {function}({run_id}, {snapshot_id}{with})")
    };
    let document = async |sql: &str| -> Result<Option<Value>> {
        let row = session.client.query_one(sql, &[]).await?;
        Ok(row.get::<_, Option<Json<Value>>>(0).map(|json| json.0))
    };
    let later = |held: &Held| format!("select engine_execution('{}')", held.run_id);
    assert_eq!(
        document(&later(&held[0])).await?,
        None,
        "nothing has started"
    );
    let asked = document(&start("engine_start_attempt", &held[0], "")).await?;
    assert_eq!(
        asked
            .as_ref()
            .map(|found| found["attempt"]["number"].clone()),
        Some(1.into())
    );
    assert_eq!(document(&later(&held[0])).await?, asked);
    let without = ", with_execution => false";
    assert_eq!(
        document(&start("engine_start_attempt", &held[1], without)).await?,
        None
    );
    assert_eq!(
        document(&start("engine_start_many", &held[2], "")).await?,
        None
    );
    for run in &held[1..] {
        let found = document(&later(run)).await?.unwrap_or_default();
        assert_eq!(found["run"]["id"], format!("run_{}", run.run_id));
    }
    assert_eq!(document("select engine_execution('nope')").await?, None);
    Ok(())
}
