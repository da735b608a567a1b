//! Waitpoints, and runs that wait for them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use engine_harness::condition::eventually;
use engine_harness::{Database, Held, Session};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_postgres::types::Json;

const PATIENCE: Duration = Duration::from_secs(10);

async fn session() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// Ticks until the run is executing.
async fn until_executing(session: &Session, run_id: &str) -> Result<()> {
    eventually("the run continues", PATIENCE, async || {
        session.tick().await?;
        Ok(session.execution_status(run_id).await? == "EXECUTING")
    })
    .await
}

/// Number of notifications that the worker of a run received.
async fn notifications(session: &Session, run_id: &str) -> Result<i64> {
    let of_run = format!("engine.event where name = 'workerNotification' and run_id = '{run_id}'");
    session.count(&of_run).await
}

async fn cancelled(session: &Session, held: &Held) -> Result<()> {
    let completion =
        json!({"ok": false, "error": {"type": "INTERNAL_ERROR", "code": "TASK_RUN_CANCELLED"}});
    let completed = session.complete(held, completion).await?;
    assert_eq!(completed.execution_status, "FINISHED");
    Ok(())
}

/// Spec: W-01.
#[tokio::test]
async fn a_run_waits_until_a_moment() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let sql = "select w.waitpoint_id, w.completed_after = m.at, w.status from (select date_trunc('milliseconds', \
               clock_timestamp() + interval '300 milliseconds') as at) as m, engine_create_datetime_waitpoint(m.at) as w";
    let row = session.client.query_one(sql, &[]).await?;
    let (waitpoint, is_exact, status): (String, bool, String) =
        (row.get(0), row.get(1), row.get(2));
    assert!(is_exact);
    assert_eq!(status, "PENDING");
    let blocked = session.block(&held.run_id, &[&waitpoint]).await?;
    assert_eq!(
        (
            blocked.execution_status.as_str(),
            blocked.run_status.as_str()
        ),
        ("EXECUTING_WITH_WAITPOINTS", "EXECUTING")
    );
    assert_eq!(
        session.execution_status(&held.run_id).await?,
        "EXECUTING_WITH_WAITPOINTS"
    );
    until_executing(&session, &held.run_id).await?;
    let late = "select completed_at - completed_after < interval '2 seconds', completed_at >= completed_after, \
                output is null, output_is_error from engine.waitpoint where status = 'COMPLETED'";
    let row = session.client.query_one(late, &[]).await?;
    assert_eq!((row.get::<_, bool>(0), row.get::<_, bool>(1)), (true, true));
    assert_eq!(
        (row.get::<_, bool>(2), row.get::<_, bool>(3)),
        (true, false)
    );
    assert_eq!(session.count("engine.timer").await?, 0);
    session.check().await
}

/// Spec: W-02.
#[tokio::test]
async fn a_failed_attempt_waits_for_nothing() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let waitpoint = session.due_in(60_000).await?;
    let blocked = session.block(&held.run_id, &[&waitpoint]).await?;
    let failure = json!({"ok": false, "retry": {"timestamp": 0, "delay": 0},
        "error": {"type": "BUILT_IN_ERROR", "name": "UserError", "message": "no", "stackTrace": ""}});
    let completed = session.complete(&blocked.held, failure).await?;
    assert_eq!(completed.attempt_status, "RETRY_IMMEDIATELY");
    assert_eq!(
        (
            completed.execution_status.as_str(),
            completed.run_status.as_str(),
            completed.attempt_number
        ),
        ("EXECUTING", "EXECUTING", Some(1))
    );
    let data = session.data(&held.run_id).await?;
    assert_eq!(data["snapshot"]["executionStatus"], "EXECUTING");
    assert_eq!(data["completedWaitpoints"], json!([]));
    assert_eq!(session.edges(&held.run_id).await?, 0);
    session.check().await
}

/// Spec: W-03.
#[tokio::test]
async fn a_run_continues_when_a_caller_completes_its_token() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    assert_eq!(session.waitpoint(&token).await?["status"], "PENDING");
    let blocked = session.block(&held.run_id, &[&token]).await?;
    assert_eq!(blocked.execution_status, "EXECUTING_WITH_WAITPOINTS");
    let edge = format!(
        "engine.edge where waitpoint_id = '{token}' and run_id = '{}'",
        held.run_id
    );
    assert_eq!(session.count(&edge).await?, 1);
    let before = notifications(&session, &held.run_id).await?;
    session.complete_waitpoint(&token).await?;
    assert_eq!(session.execution_status(&held.run_id).await?, "EXECUTING");
    assert_eq!(notifications(&session, &held.run_id).await?, before + 1);
    assert_eq!(session.edges(&held.run_id).await?, 0);
    let data = session.data(&held.run_id).await?;
    assert_eq!(data["completedWaitpoints"][0]["id"], token.as_str());
    session.check().await
}

/// Spec: W-05.
#[tokio::test(flavor = "multi_thread")]
async fn many_waitpoints_are_completed_at_once() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let mut others = Vec::new();
    for _ in 0..5 {
        others.push(Arc::new(Session::open(&database).await?));
    }
    let held = session.executing("test").await?;
    for _ in 0..10 {
        let mut waits = JoinSet::new();
        for other in &others {
            let (other, run_id) = (Arc::clone(other), held.run_id.clone());
            waits.spawn(async move {
                let token = other.token().await?;
                other.block(&run_id, &[&token]).await?;
                Ok::<_, anyhow::Error>(token)
            });
        }
        let tokens: Vec<String> = waits.join_all().await.into_iter().collect::<Result<_>>()?;
        assert_eq!(
            session.execution_status(&held.run_id).await?,
            "EXECUTING_WITH_WAITPOINTS"
        );
        assert_eq!(session.edges(&held.run_id).await?, 5);
        let mut completions = JoinSet::new();
        for (other, token) in others.iter().cloned().zip(tokens) {
            completions.spawn(async move { other.complete_waitpoint(&token).await });
        }
        completions
            .join_all()
            .await
            .into_iter()
            .collect::<Result<()>>()?;
        session.tick().await?;
        assert_eq!(session.execution_status(&held.run_id).await?, "EXECUTING");
        assert_eq!(session.edges(&held.run_id).await?, 0);
        session.check().await?;
    }
    Ok(())
}

/// Spec: W-06.
#[tokio::test]
async fn a_token_times_out() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let sql = "select w.waitpoint_id, w.completed_after = m.at, w.status \
               from (select date_trunc('milliseconds', clock_timestamp() + interval '200 milliseconds') as at) as m, \
                    engine_create_manual_waitpoint(timeout_at => m.at) as w";
    let row = session.client.query_one(sql, &[]).await?;
    let token: String = row.get(0);
    assert!(row.get::<_, bool>(1));
    assert_eq!(row.get::<_, &str>(2), "PENDING");
    session.block(&held.run_id, &[&token]).await?;
    assert_eq!(session.edges(&held.run_id).await?, 1);
    let before = notifications(&session, &held.run_id).await?;
    until_executing(&session, &held.run_id).await?;
    assert_eq!(notifications(&session, &held.run_id).await?, before + 1);
    assert_eq!(session.edges(&held.run_id).await?, 0);
    let data = session.waitpoint(&token).await?;
    assert_eq!(
        (&data["status"], &data["outputIsError"]),
        (&json!("COMPLETED"), &json!(true))
    );
    let output: Value = serde_json::from_str(data["output"].as_str().context("no output")?)?;
    assert_eq!(output["code"], "TRIGGER_WAITPOINT_TIMEOUT");
    assert!(
        output["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("Waitpoint timed out at 2"))
    );
    session.check().await
}

/// Spec: W-09.
#[tokio::test]
async fn the_snapshots_since_a_wait_tell_what_was_completed() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let waitpoint = session.due_in(0).await?;
    session.block(&held.run_id, &[&waitpoint]).await?;
    until_executing(&session, &held.run_id).await?;
    session.complete_waitpoint(&waitpoint).await?;
    let sql = "select id from engine.history where is_valid order by ordinal";
    let ids: Vec<String> = session
        .client
        .query(sql, &[])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!(ids.len() >= 3);
    let since = async |id: &str| {
        let sql = "select engine_snapshots_since($1, $2)";
        let row = session.client.query_one(sql, &[&held.run_id, &id]).await?;
        let answer: Option<Json<Vec<Value>>> = row.get(0);
        Ok::<_, anyhow::Error>(answer.map(|json| json.0))
    };
    let first = since(&ids[0]).await?.context("null")?;
    assert!(first.len() >= 2);
    let lengths: Vec<usize> = first
        .iter()
        .map(|snapshot| {
            snapshot["completedWaitpoints"]
                .as_array()
                .map_or(usize::MAX, Vec::len)
        })
        .collect();
    assert_eq!(lengths.iter().filter(|length| **length == 1).count(), 1);
    assert!(lengths.iter().all(|length| *length <= 1));
    let last = &first[first.len() - 1]["completedWaitpoints"][0];
    assert_eq!(last["outputIsError"], false);
    assert_eq!(since(&ids[ids.len() - 1]).await?, Some(vec![]));
    assert_eq!(since("invalid-id").await?, None);
    Ok(())
}

/// Spec: W-13.
#[tokio::test]
async fn who_does_not_wait_is_skipped_and_keeps_its_edges() -> Result<()> {
    let session = session().await?;
    session.broken_on_purpose().await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    session.block(&held.run_id, &[&token]).await?;
    let waitpoint = "update engine.waitpoint set status = 'COMPLETED', completed_at = now()";
    session.client.batch_execute(waitpoint).await?;
    for (status, reason) in [
        ("RUN_CREATED", "run is already executing"),
        ("DELAYED", "run is delayed"),
        ("QUEUED", "run is already queued"),
        ("PENDING_EXECUTING", "run is already pending executing"),
        ("QUEUED_EXECUTING", "run is already queued executing"),
        ("EXECUTING", "run is already executing"),
        ("PENDING_CANCEL", "run is finished"),
        ("FINISHED", "run is finished"),
    ] {
        let sql = format!("update engine.run_state set execution_status = '{status}'");
        session.client.batch_execute(&sql).await?;
        let answer = session.unblock(&held.run_id).await?;
        assert_eq!(
            (answer.status.as_str(), answer.reason.as_deref()),
            ("skipped", Some(reason)),
            "{status}"
        );
        assert_eq!(session.edges(&held.run_id).await?, 1, "{status}");
    }
    // A suspended run without a checkpoint: only a damaged table has one.
    let sql = "update engine.run_state set execution_status = 'SUSPENDED'";
    session.client.batch_execute(sql).await?;
    let unblock = format!("select engine_unblock('{}')", held.run_id);
    assert_eq!(session.refused(&unblock).await?.code, "RE004");
    let sql = "update engine.run_state set run_status = 'CANCELED'";
    session.client.batch_execute(sql).await?;
    assert_eq!(
        session.unblock(&held.run_id).await?.reason.as_deref(),
        Some("run was canceled while suspended")
    );
    assert_eq!(session.edges(&held.run_id).await?, 1);
    Ok(())
}

/// Spec: W-14.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_continuations_one_writes_a_snapshot() -> Result<()> {
    let database = Database::fresh().await?;
    let (session, other) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let held = session.executing("test").await?;
    let token = session.token().await?;
    session.block(&held.run_id, &[&token]).await?;
    // No call resumes it when it is completed.
    let waitpoint = "update engine.waitpoint set status = 'COMPLETED', completed_at = now()";
    session.client.batch_execute(waitpoint).await?;
    let (first, second) = tokio::join!(session.unblock(&held.run_id), other.unblock(&held.run_id));
    let mut answers = [first?, second?].map(|answer| (answer.status, answer.reason));
    answers.sort();
    assert_eq!(
        answers,
        [
            (
                "skipped".to_owned(),
                Some("run is already executing".to_owned())
            ),
            ("unblocked".to_owned(), None)
        ]
    );
    assert_eq!(
        session
            .count("engine.snapshot where transition = 'UNBLOCKED'")
            .await?,
        1
    );
    session.check().await
}

/// Spec: W-15.
#[tokio::test]
async fn a_run_that_is_cancelled_while_it_waits_does_not_continue() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    session.block(&held.run_id, &[&token]).await?;
    let sql = "select snapshot_id from engine_cancel($1)";
    let snapshot: String = session.client.query_one(sql, &[&held.run_id]).await?.get(0);
    assert_eq!(
        session.status(&held.run_id).await?,
        ("PENDING_CANCEL".to_owned(), "CANCELED".to_owned())
    );
    session.complete_waitpoint(&token).await?;
    let answer = session.unblock(&held.run_id).await?;
    assert_eq!(
        (answer.status.as_str(), answer.reason.as_deref()),
        ("skipped", Some("run is finished"))
    );
    assert_eq!(session.edges(&held.run_id).await?, 1);
    session.check().await?;
    let pending = Held {
        run_id: held.run_id.clone(),
        snapshot_id: snapshot,
    };
    cancelled(&session, &pending).await?;
    assert_eq!(session.edges(&held.run_id).await?, 0);
    session.check().await
}

#[tokio::test]
async fn a_run_that_no_worker_executes_cannot_wait() -> Result<()> {
    let session = session().await?;
    let token = session.token().await?;
    let run = session.trigger("test").await?;
    let block = format!("select engine_block('{}', '{{{token}}}')", run.run_id);
    assert_eq!(session.refused(&block).await?.code, "RE004");
    let dequeued = session.dequeue().await?.context("nothing is queued")?;
    assert_eq!(session.refused(&block).await?.code, "RE004");
    let held = session.start(&dequeued).await?;
    session.complete(&held, json!({"ok": true})).await?;
    assert_eq!(session.refused(&block).await?.code, "RE003");
    assert_eq!(session.count("engine.edge").await?, 0);
    Ok(())
}
