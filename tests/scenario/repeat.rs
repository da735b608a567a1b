//! An answer that was lost is asked for again: the same worker gets the first one, others are refused.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};
use serde_json::{Value, json};

const WORKER: &str = "worker_id => 'w', runner_id => 'r'";

/// The SQLSTATE with which this call is refused.
async fn refused(session: &Session, call: &str) -> Result<String> {
    Ok(session
        .refused(&format!("select * from {call}"))
        .await?
        .code)
}

fn held(row: &Value) -> Held {
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    Held {
        run_id: text("run_id"),
        snapshot_id: text("snapshot_id"),
    }
}

fn start(held: &Held, worker: &str) -> String {
    format!(
        "engine_start_attempt('{}', '{}', {worker})",
        held.run_id, held.snapshot_id
    )
}

fn complete(held: &Held, completion: &Value, worker: &str) -> String {
    let (run, snapshot) = (&held.run_id, &held.snapshot_id);
    format!("engine_complete_attempt('{run}', '{snapshot}', '{completion}', {worker})")
}

fn release(held: &Held, worker: &str) -> String {
    format!(
        "engine_release('{}', '{}', {worker})",
        held.run_id, held.snapshot_id
    )
}

fn failure(retry: Value) -> Value {
    json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}, "retry": retry})
}

async fn dequeued(session: &Session) -> Result<Held> {
    session.trigger_with("'test', max_attempts => 5").await?;
    session.dequeue().await?.context("nothing is queued")
}

async fn started(session: &Session) -> Result<Held> {
    let dequeued = dequeued(session).await?;
    Ok(held(&session.rows_of(&start(&dequeued, WORKER)).await?[0]))
}

/// Makes a call, and again: the second one returns the same and writes nothing. No other worker is answered.
async fn is_answered_again(
    session: &Session,
    at: &Held,
    of: impl Fn(&str) -> String,
) -> Result<Value> {
    let first = session.rows_of(&of(WORKER)).await?;
    assert_eq!(first.len(), 1);
    let contents = session.contents().await?;
    assert_eq!(session.rows_of(&of(WORKER)).await?, first);
    for other in [
        "worker_id => 'w'",
        "runner_id => 'r'",
        "worker_id => null",
        "worker_id => 'w', runner_id => 'other'",
        "worker_id => 'other', runner_id => 'r'",
    ] {
        assert_eq!(refused(session, &of(other)).await?, "RE002", "{other}");
    }
    assert_eq!(session.contents().await?, contents, "{at:?}");
    Ok(first[0].clone())
}

#[tokio::test]
async fn a_start_is_answered_again_until_the_run_moves_on() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let at = dequeued(&session).await?;
    let first = is_answered_again(&session, &at, |worker| start(&at, worker)).await?;
    assert_eq!(first["execution"]["attempt"]["number"], 1);
    let plain = format!("{WORKER}, with_execution => false");
    let again = session.rows_of(&start(&at, &plain)).await?;
    assert_eq!(again[0]["snapshot_id"], first["snapshot_id"]);
    assert_eq!(again[0]["execution"], Value::Null);
    // A beat is no move; an end is.
    let at_start = held(&first);
    let beat = format!(
        "engine_heartbeat('{}', '{}')",
        at_start.run_id, at_start.snapshot_id
    );
    session.rows_of(&beat).await?;
    assert_eq!(
        session.rows_of(&start(&at, WORKER)).await?[0]["snapshot_id"],
        first["snapshot_id"]
    );
    session
        .rows_of(&complete(&at_start, &json!({"ok": true}), WORKER))
        .await?;
    assert_eq!(refused(&session, &start(&at, WORKER)).await?, "RE002");
    session.check().await
}

#[tokio::test]
async fn every_end_of_an_attempt_is_answered_again() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for (completion, status) in [
        (json!({"ok": true, "output": "1"}), "RUN_FINISHED"),
        (failure(Value::Null), "RUN_FINISHED"),
        (failure(json!({"delay": 0})), "RETRY_IMMEDIATELY"),
        (failure(json!({"delay": 3_600_000})), "RETRY_QUEUED"),
        (
            json!({"ok": false, "error": {"type": "INTERNAL_ERROR", "code": "TASK_RUN_CANCELLED"}}),
            "RUN_FINISHED",
        ),
    ] {
        let at = started(&session).await?;
        let first =
            is_answered_again(&session, &at, |worker| complete(&at, &completion, worker)).await?;
        assert_eq!(first["attempt_status"], status);
        assert_eq!(first["retry_at"] == Value::Null, status == "RUN_FINISHED");
        // The next start is another call.
        if status == "RETRY_IMMEDIATELY" {
            let next = held(&first);
            assert_eq!(
                session.rows_of(&start(&next, WORKER)).await?[0]["attempt_number"],
                2
            );
            let code = refused(&session, &complete(&at, &completion, WORKER)).await?;
            assert_eq!(code, "RE002", "the run has moved on");
        }
    }
    session.check().await
}

#[tokio::test]
async fn an_end_that_goes_through_the_queue_is_answered_until_the_next_dequeue() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let at = started(&session).await?;
    let end = failure(json!({"delay": 60_000}));
    let first = is_answered_again(&session, &at, |worker| complete(&at, &end, worker)).await?;
    assert_eq!(first["execution_status"], "QUEUED");
    session.make_due(&at.run_id).await?;
    session.dequeue().await?.context("it is due")?;
    assert_eq!(
        refused(&session, &complete(&at, &end, WORKER)).await?,
        "RE002"
    );
    session.check().await
}

#[tokio::test]
async fn a_release_is_answered_again_and_no_other_call_in_its_place() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for at in [dequeued(&session).await?, started(&session).await?] {
        let first = is_answered_again(&session, &at, |worker| release(&at, worker)).await?;
        assert_eq!(first["execution_status"], "QUEUED");
        let end = json!({"ok": true});
        assert_eq!(
            refused(&session, &complete(&at, &end, WORKER)).await?,
            "RE002"
        );
        assert_eq!(refused(&session, &start(&at, WORKER)).await?, "RE002");
        let next = session.dequeue().await?.context("it is queued again")?;
        assert_eq!(next.run_id, at.run_id);
        assert_eq!(refused(&session, &release(&at, WORKER)).await?, "RE002");
    }
    // One that gives the run up.
    let at = started(&session).await?;
    let sql = "update engine.run_state set queue_attempts = 100 where run_id = $1";
    session.client.execute(sql, &[&at.run_id]).await?;
    let last = is_answered_again(&session, &at, |worker| release(&at, worker)).await?;
    assert_eq!(last["run_status"], "SYSTEM_FAILURE");
    session.check().await
}

#[tokio::test]
async fn answers_of_many_runs_come_again_beside_those_that_are_new() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(dequeued(&session).await?);
    }
    let many = |runs: &[Held]| {
        let ids: Vec<&str> = runs.iter().map(|held| held.run_id.as_str()).collect();
        let snapshots: Vec<&str> = runs.iter().map(|held| held.snapshot_id.as_str()).collect();
        let (ids, snapshots) = (ids.join(","), snapshots.join(","));
        format!(
            "engine_start_many('{{{ids}}}', '{{{snapshots}}}', {WORKER}, with_execution => true)"
        )
    };
    let first = session.rows_of(&many(&runs[..2])).await?;
    let again = session.rows_of(&many(&runs)).await?;
    assert_eq!(again[..2], first);
    assert_eq!(again[2]["attempt_number"], 1);
    assert_eq!(session.rows_of(&many(&runs)).await?, again);

    let ends = |rows: &[Value]| {
        let end = |row: &Value| json!({"run_id": row["run_id"], "snapshot_id": row["snapshot_id"], "ok": true, "output": "1"});
        json!(rows.iter().map(end).collect::<Vec<_>>())
    };
    let complete = |rows: &[Value]| format!("engine_complete_many('{}', {WORKER})", ends(rows));
    let first = session.rows_of(&complete(&again[..1])).await?;
    let both = session.rows_of(&complete(&again[..2])).await?;
    assert_eq!(both[..1], first);
    assert_eq!(both[1]["error_code"], Value::Null);
    // A turn reports like this, too.
    let turn = format!("engine_work('{}', max_runs => 0, {WORKER})", ends(&again));
    let rows = session.rows_of(&turn).await?;
    for (row, end) in rows.iter().zip(&both) {
        assert_eq!(row["snapshot_id"], end["snapshot_id"]);
        assert_eq!(row["attempt_status"], "RUN_FINISHED");
    }
    assert_eq!(session.rows_of(&turn).await?, rows);
    session.check().await
}

#[tokio::test]
async fn a_run_that_is_cancelled_between_dequeue_and_start_ends_at_the_start() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let at = dequeued(&session).await?;
    let child = format!("'child', parent_run_id => '{}'", at.run_id);
    let child = session.trigger_with(&child).await?;
    let asked = session
        .cancel(&format!("'{}', 'enough'", at.run_id))
        .await?;
    assert_eq!(asked.execution_status, "PENDING_CANCEL");
    let answer = is_answered_again(&session, &at, |worker| start(&at, worker)).await?;
    assert_eq!(answer["execution_status"], "FINISHED");
    assert_eq!(answer["run_status"], "CANCELED");
    assert_eq!(answer["attempt_number"], Value::Null);
    assert_eq!(answer["heartbeat_ms"], Value::Null);
    assert_eq!(answer["execution"], Value::Null);
    let sql = "select error ->> 'raw', attempt_number from engine.run_state where run_id = $1";
    let row = session.client.query_one(sql, &[&at.run_id]).await?;
    assert_eq!(row.get::<_, &str>(0), "enough");
    assert_eq!(row.get::<_, Option<i32>>(1), None);
    assert_eq!(session.count("engine.heartbeat").await?, 0);
    session.tick().await?;
    assert_eq!(session.status(&child.run_id).await?.1, "CANCELED");
    session.check().await
}

#[tokio::test]
async fn a_cancel_of_an_attempt_that_has_started_is_confirmed_by_no_start() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let at = dequeued(&session).await?;
    session.rows_of(&start(&at, WORKER)).await?;
    let asked = session.cancel(&format!("'{}'", at.run_id)).await?;
    assert_eq!(refused(&session, &start(&at, WORKER)).await?, "RE002");
    assert_eq!(
        refused(&session, &start(&asked.latest, WORKER)).await?,
        "RE004"
    );
    assert_eq!(session.status(&at.run_id).await?.0, "PENDING_CANCEL");
    session.check().await
}
