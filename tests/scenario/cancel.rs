//! Cancelling one run.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};
use serde_json::json;

use crate::reported::{cancel_confirmed, failure_with_retry, user_error};

async fn names_of(session: &Session, name: &str) -> Result<usize> {
    let events = session.all_events(0).await?;
    Ok(events.iter().filter(|event| event.name == name).count())
}

async fn error(session: &Session) -> Result<String> {
    let sql =
        "select error ->> 'raw' from engine.run_state where error ->> 'type' = 'STRING_ERROR'";
    Ok(session.client.query_one(sql, &[]).await?.get(0))
}

async fn run_status(session: &Session) -> Result<String> {
    let sql = "select run_status::text from engine.run_state";
    Ok(session.client.query_one(sql, &[]).await?.get(0))
}

fn status(execution: &str, run: &str) -> (String, String) {
    (execution.to_owned(), run.to_owned())
}

/// Spec: CAN-2.
#[tokio::test]
async fn a_queued_run_that_is_cancelled_ends_at_once() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session
        .trigger_with(r#"'test', trace_context => '{"spanId": "s12345"}'"#)
        .await?;
    let cancelled = session.cancel(&format!("'{}'", run.run_id)).await?;
    assert_eq!(
        (
            cancelled.execution_status.as_str(),
            cancelled.run_status.as_str(),
            cancelled.already_finished
        ),
        ("FINISHED", "CANCELED", false)
    );
    assert_eq!(
        session.status(&run.run_id).await?,
        status("FINISHED", "CANCELED")
    );
    assert_eq!(
        session.count("engine.queue_item").await? + session.count("engine.slot").await?,
        0
    );
    let events = session.all_events(0).await?;
    let cancels: Vec<_> = events
        .iter()
        .filter(|event| event.name == "runCancelled")
        .collect();
    assert_eq!(cancels.len(), 1);
    assert_eq!(cancels[0].body["run"]["spanId"], "s12345");
    assert_eq!(
        error(&session).await?,
        "Canceled by user",
        "without a reason"
    );
    Ok(())
}

/// Spec: CAN-3.
#[tokio::test]
async fn the_worker_of_a_dequeued_run_is_asked_and_its_word_ends_the_run() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.dequeue().await?.context("nothing is queued")?;
    assert_eq!(run_status(&session).await?, "DEQUEUED");
    let asked = session.cancel(&format!("'{}'", held.run_id)).await?;
    assert_eq!(asked.execution_status, "PENDING_CANCEL");
    assert_eq!(run_status(&session).await?, "CANCELED");
    assert_eq!(
        session.status(&held.run_id).await?,
        status("PENDING_CANCEL", "CANCELED")
    );
    assert_eq!(
        session.count("engine.slot").await?,
        0,
        "before the worker has stopped"
    );
    assert_eq!(names_of(&session, "runCancelled").await?, 0);

    let confirmed = session.complete(&asked.latest, cancel_confirmed()).await?;
    assert_eq!(confirmed.attempt_status, "RUN_FINISHED");
    assert_eq!(
        session.status(&held.run_id).await?,
        status("FINISHED", "CANCELED")
    );
    assert_eq!(names_of(&session, "runCancelled").await?, 1);
    assert_eq!(session.count("engine.heartbeat").await?, 0);
    Ok(())
}

/// Spec: CAN-N1.
#[tokio::test]
async fn a_second_cancel_notifies_the_worker_again_and_writes_no_snapshot() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    let first = session
        .cancel(&format!("'{}', 'first'", held.run_id))
        .await?;
    let snapshots = session.count("engine.snapshot").await?;
    assert_eq!(names_of(&session, "workerNotification").await?, 1);
    let second = session
        .cancel(&format!("'{}', 'second'", held.run_id))
        .await?;
    assert_eq!(second, first);
    assert_eq!(session.count("engine.snapshot").await?, snapshots);
    assert_eq!(names_of(&session, "workerNotification").await?, 2);
    assert_eq!(error(&session).await?, "first");
    Ok(())
}

/// Spec: CAN-N2.
#[tokio::test]
async fn the_end_of_a_cancelled_run_has_a_time_if_the_caller_knows_it_or_means_it_finally()
-> Result<()> {
    for (arguments, completed_at) in [
        ("", None),
        (
            ", completed_at => '2026-05-20T12:00:00Z'",
            Some("2026-05-20 12:00:00+00"),
        ),
        (
            ", finalize => true, completed_at => '2026-05-20T12:00:00Z'",
            Some("2026-05-20 12:00:00+00"),
        ),
    ] {
        let session = Session::open(&Database::fresh().await?).await?;
        let run = session.trigger("test").await?;
        session
            .cancel(&format!("'{}'{arguments}", run.run_id))
            .await?;
        let sql = "select completed_at::text from engine.run_state";
        let at: Option<String> = session.client.query_one(sql, &[]).await?.get(0);
        assert_eq!(at.as_deref(), completed_at, "{arguments}");
    }
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger("test").await?;
    session
        .cancel(&format!("'{}', finalize => true", run.run_id))
        .await?;
    assert_eq!(
        session
            .count("engine.run_state where completed_at = updated_at")
            .await?,
        1
    );
    Ok(())
}

/// Spec: CAN-N3.
#[tokio::test]
async fn a_suspended_run_that_is_cancelled_ends_at_once_and_does_not_resume() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    let blocked = session.block(&held.run_id, &[&token]).await?;
    session.suspend(&blocked.held, "why").await?;
    let cancelled = session.cancel(&format!("'{}'", held.run_id)).await?;
    assert_eq!(
        (
            cancelled.execution_status.as_str(),
            cancelled.run_status.as_str()
        ),
        ("FINISHED", "CANCELED")
    );
    assert_eq!(session.count("engine.heartbeat").await?, 0);
    session.complete_waitpoint(&token).await?;
    session.tick().await?;
    assert_eq!(session.execution_status(&held.run_id).await?, "FINISHED");
    Ok(())
}

/// Spec: CAN-N4.
#[tokio::test]
async fn a_cancelled_run_is_never_dequeued() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (cancelled, other) = (
        session.trigger("test").await?,
        session.trigger("test").await?,
    );
    session.cancel(&format!("'{}'", cancelled.run_id)).await?;
    let given = session.dequeue_many(10).await?;
    let given: Vec<&str> = given.iter().map(|held| held.run_id.as_str()).collect();
    assert_eq!(given, [other.run_id]);
    Ok(())
}

/// Spec: RAS-5.
#[tokio::test]
async fn a_finished_run_takes_part_in_a_bulk_action_and_is_not_cancelled() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    let last = session.complete(&held, json!({"ok": true})).await?.latest;
    let arguments = format!("'{}', bulk_action_id => 'bulk_action_1234'", held.run_id);
    let cancelled = session.cancel(&arguments).await?;
    assert!(cancelled.already_finished);
    assert_eq!(cancelled.latest, last);
    assert_eq!(cancelled.run_status, "COMPLETED_SUCCESSFULLY");
    let taken_part = "engine.run_state where bulk_action_ids = '{bulk_action_1234}'";
    assert_eq!(session.count(taken_part).await?, 1);
    assert_eq!(session.count("engine.snapshot").await?, 4);
    assert_eq!(names_of(&session, "runCancelled").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_bulk_action_that_cancels_a_run_is_written_to_it() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger("test").await?;
    session
        .cancel(&format!("'{}', bulk_action_id => 'b1'", run.run_id))
        .await?;
    session
        .cancel(&format!("'{}', bulk_action_id => 'b2'", run.run_id))
        .await?;
    let taken_part = "engine.run_state where bulk_action_ids = '{b1,b2}'";
    assert_eq!(session.count(taken_part).await?, 1);
    Ok(())
}

/// Dequeues a run and cancels it; returns what its worker holds now.
async fn asked_to_stop(session: &Session) -> Result<Held> {
    session.trigger("test").await?;
    let held = session.take().await?;
    Ok(session
        .cancel(&format!("'{}', 'my reason'", held.run_id))
        .await?
        .latest)
}

/// Spec: A-03.
#[tokio::test]
async fn a_cancel_that_no_worker_confirms_is_final_once_its_deadline_passes() -> Result<()> {
    let database = Database::fresh().await?;
    database
        .set("engine.heartbeat_pending_cancel_ms", "100")
        .await?;
    let session = Session::open(&database).await?;
    let held = asked_to_stop(&session).await?;
    let watched = "engine.heartbeat where interval_ms = 100 and not holds_slot";
    assert_eq!(session.count(watched).await?, 1);
    session.lapse(&held.run_id).await?;
    assert_eq!(session.tick().await?, 1);
    assert_eq!(
        session.status(&held.run_id).await?,
        status("FINISHED", "CANCELED")
    );
    assert_eq!(error(&session).await?, "my reason");
    assert_eq!(
        session
            .count("engine.run_state where completed_at = updated_at")
            .await?,
        1
    );
    Ok(())
}

#[tokio::test]
async fn a_worker_learns_of_a_cancel_by_its_next_beat_and_continues_beating_while_it_stops()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    let asked = session.cancel(&format!("'{}'", held.run_id)).await?.latest;
    let sql = "select snapshot_id, execution_status from engine_heartbeat($1, $2)";
    for given in [&held.snapshot_id, &asked.snapshot_id] {
        let row = session
            .client
            .query_one(sql, &[&held.run_id, given])
            .await?;
        assert_eq!(
            (row.get::<_, &str>(0), row.get::<_, &str>(1)),
            (asked.snapshot_id.as_str(), "PENDING_CANCEL")
        );
    }
    session.lapse(&held.run_id).await?;
    session
        .client
        .query_one(sql, &[&held.run_id, &asked.snapshot_id])
        .await?;
    assert_eq!(session.tick().await?, 0);
    Ok(())
}

#[tokio::test]
async fn the_success_of_a_worker_that_did_not_stop_counts() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let held = asked_to_stop(&session).await?;
    let done = session
        .complete(&held, json!({"ok": true, "output": "1"}))
        .await?;
    assert_eq!(done.run_status, "COMPLETED_SUCCESSFULLY");
    assert_eq!(
        session
            .count("engine.run_state where output = '1' and error is null")
            .await?,
        1
    );
    Ok(())
}

#[tokio::test]
async fn a_failure_of_a_worker_that_was_asked_to_stop_confirms_the_cancel_and_is_not_retried()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let held = asked_to_stop(&session).await?;
    let done = session
        .complete(&held, failure_with_retry(user_error(), 0))
        .await?;
    assert_eq!(
        (done.attempt_status.as_str(), done.run_status.as_str()),
        ("RUN_FINISHED", "CANCELED")
    );
    assert_eq!(error(&session).await?, "my reason");
    Ok(())
}
