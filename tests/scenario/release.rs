//! A worker releases a run: another one dequeues it, in its old order, and no attempt is lost.

use anyhow::Result;
use engine_harness::{Database, Held, Session};
use serde_json::json;

use crate::reported::{failure, user_error};

async fn release(session: &Session, held: &Held) -> Result<(String, String, Option<i32>)> {
    let sql = "select execution_status, run_status, attempt_number, snapshot_id from engine_release($1, $2)";
    let row = session
        .client
        .query_one(sql, &[&held.run_id, &held.snapshot_id])
        .await?;
    assert_ne!(row.get::<_, String>(3), held.snapshot_id);
    Ok((row.get(0), row.get(1), row.get(2)))
}

/// A run, with its latest snapshot.
async fn latest(session: &Session, run_id: &str) -> Result<Held> {
    let sql = "select run_id, snapshot_id from engine.run_state where run_id = $1";
    let row = session.client.query_one(sql, &[&run_id]).await?;
    Ok(Held {
        run_id: row.get(0),
        snapshot_id: row.get(1),
    })
}

fn queued(attempt_number: Option<i32>) -> (String, String, Option<i32>) {
    ("QUEUED".to_owned(), "PENDING".to_owned(), attempt_number)
}

async fn refused(session: &Session, held: &Held) -> Result<String> {
    let (run, snapshot) = (&held.run_id, &held.snapshot_id);
    let sql = format!("select * from engine_release('{run}', '{snapshot}')");
    Ok(session.refused(&sql).await?.code)
}

#[tokio::test]
async fn a_released_run_is_next_in_its_old_order() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let first = session.trigger("test").await?;
    session.trigger("test").await?;
    let dequeued = session.dequeue_many(1).await?.remove(0);
    assert_eq!(dequeued.run_id, first.run_id);
    assert_eq!(release(&session, &dequeued).await?, queued(None));
    let held = session.take().await?;
    assert_eq!(held.run_id, first.run_id);
    assert_eq!(release(&session, &held).await?, queued(Some(1)));
    let places = "engine.queue_item as i join engine.run as r on r.id = i.run_id where i.available_at = r.queue_timestamp";
    assert_eq!(session.count(places).await?, 2);
    assert_eq!(session.count("engine.heartbeat").await?, 0);
    let again = session.take().await?;
    assert_eq!(again.run_id, first.run_id);
    assert_eq!(
        session.data(&again.run_id).await?["run"]["attemptNumber"],
        2
    );
    // The worker that released it can no longer change it.
    assert_eq!(refused(&session, &held).await?, "RE002");
    session.complete(&again, json!({"ok": true})).await?;
    session.check().await
}

#[tokio::test]
async fn a_released_attempt_does_not_count_and_one_whose_worker_is_lost_does() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger_with("'test', max_attempts => 2").await?;
    let take = async || {
        session.make_due(&run.run_id).await?;
        session.take().await
    };
    for _ in 0..3 {
        release(&session, &take().await?).await?;
    }
    take().await?;
    session.lapse(&run.run_id).await?;
    session.tick().await?;
    release(&session, &take().await?).await?;
    let last = take().await?;
    let failed = session.complete(&last, failure(user_error())).await?;
    assert_eq!(failed.attempt_status, "RUN_FINISHED");
    assert_eq!(failed.attempt_number, Some(6), "no number comes twice");
    session.check().await
}

#[tokio::test]
async fn between_two_attempts_there_is_none_to_give_back() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger_with("'test', max_attempts => 2").await?;
    let held = session.take().await?;
    let mut at_once = failure(user_error());
    at_once["retry"] = json!({"delay": 0});
    let retried = session.complete(&held, at_once.clone()).await?;
    assert_eq!(retried.attempt_status, "RETRY_IMMEDIATELY");
    let between = latest(&session, &held.run_id).await?;
    assert_eq!(release(&session, &between).await?, queued(Some(1)));
    let last = session.take().await?;
    let failed = session.complete(&last, at_once).await?;
    assert_eq!(failed.attempt_status, "RUN_FINISHED");
    Ok(())
}

#[tokio::test]
async fn only_a_run_that_is_dequeued_or_executes_is_released() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let waiting = session.executing("test").await?;
    let token = session.token().await?;
    let blocked = session.block(&waiting.run_id, &[&token]).await?;
    assert_eq!(refused(&session, &blocked.held).await?, "RE004");
    let finished = session.executing("test").await?;
    session.complete(&finished, json!({"ok": true})).await?;
    let done = latest(&session, &finished.run_id).await?;
    assert_eq!(refused(&session, &done).await?, "RE004");
    let queued = session.trigger("test").await?;
    let queued = Held {
        run_id: queued.run_id,
        snapshot_id: queued.snapshot_id,
    };
    assert_eq!(refused(&session, &queued).await?, "RE004");
    let unknown = Held {
        run_id: "nobody".to_owned(),
        ..queued
    };
    assert_eq!(refused(&session, &unknown).await?, "RE001");
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_released_again_and_again_is_given_up() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.queue_max_attempts", "3").await?;
    let session = Session::open(&database).await?;
    session.trigger("test").await?;
    for _ in 0..2 {
        let held = session.take().await?;
        assert_eq!(release(&session, &held).await?.0, "QUEUED");
    }
    let held = session.take().await?;
    let (execution_status, run_status, _) = release(&session, &held).await?;
    assert_eq!(
        (&*execution_status, &*run_status),
        ("FINISHED", "SYSTEM_FAILURE")
    );
    session
        .client
        .query("select engine_redrive($1)", &[&held.run_id])
        .await?;
    session.take().await?;
    session.check().await
}

#[tokio::test]
async fn a_suspended_run_that_is_released_before_it_resumes_keeps_its_checkpoint() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    let waiting = session.block(&held.run_id, &[&token]).await?;
    session.suspend(&waiting.held, "why").await?;
    session.complete_waitpoint(&token).await?;
    let dequeued = session.dequeue_many(1).await?.remove(0);
    assert_eq!(release(&session, &dequeued).await?, queued(Some(1)));
    session.dequeue_many(1).await?;
    let data = session.data(&held.run_id).await?;
    assert!(data["checkpoint"].is_object(), "{data}");
    assert_eq!(
        data["completedWaitpoints"].as_array().map(Vec::len),
        Some(1),
        "{data}"
    );
    Ok(())
}
