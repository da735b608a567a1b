//! Missed deadlines of attempts.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};

fn status(execution: &str, run: &str) -> (String, String) {
    (execution.to_owned(), run.to_owned())
}

/// The deadline of a run passes, and the tick checks it.
async fn stall(session: &Session, held: &Held) -> Result<()> {
    session.lapse(&held.run_id).await?;
    assert_eq!(session.tick().await?, 1);
    Ok(())
}

async fn open(settings: &[(&str, &str)]) -> Result<Session> {
    let database = Database::fresh().await?;
    for (setting, value) in settings {
        database.set(setting, value).await?;
    }
    Session::open(&database).await
}

/// Spec: A-05.
#[tokio::test]
async fn an_attempt_that_stalls_is_requeued_until_the_queue_gives_its_run_up() -> Result<()> {
    let session = open(&[
        ("engine.heartbeat_executing_ms", "100"),
        ("engine.queue_max_attempts", "2"),
    ])
    .await?;
    session.trigger_with("'test', max_attempts => 10").await?;
    let held = session.take().await?;
    let watched = "engine.heartbeat where interval_ms = 100";
    assert_eq!(session.count(watched).await?, 1);
    stall(&session, &held).await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        status("QUEUED", "PENDING")
    );
    session.make_due(&held.run_id).await?;
    let again = session.take().await?;
    stall(&session, &again).await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        status("FINISHED", "SYSTEM_FAILURE")
    );
    let sql = "select error ->> 'code' from engine.run_state";
    let code: String = session.client.query_one(sql, &[]).await?.get(0);
    assert_eq!(code, "TASK_RUN_DEQUEUED_MAX_RETRIES");
    Ok(())
}

/// Spec: A-05.
#[tokio::test]
async fn a_worker_that_reports_a_failure_is_alive_and_the_count_of_the_queue_restarts() -> Result<()>
{
    let session = open(&[("engine.queue_max_attempts", "2")]).await?;
    let run = session.trigger_with("'test', max_attempts => 10").await?;
    for _ in 0..3 {
        session.make_due(&run.run_id).await?;
        let held = session.take().await?;
        stall(&session, &held).await?;
        session.make_due(&run.run_id).await?;
        let held = session.take().await?;
        let failure = crate::reported::failure_with_retry(crate::reported::user_error(), 60_000);
        let failed = session.complete(&held, failure).await?;
        assert_eq!(failed.attempt_status, "RETRY_QUEUED");
    }
    Ok(())
}

/// Spec: A-06.
#[tokio::test]
async fn beats_keep_an_attempt_and_their_end_gives_it_up() -> Result<()> {
    let session = open(&[("engine.heartbeat_executing_ms", "60000")]).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    let beat = "select execution_status from engine_heartbeat($1, $2)";
    for _ in 0..3 {
        session.lapse(&held.run_id).await?;
        let row = session
            .client
            .query_one(beat, &[&held.run_id, &held.snapshot_id])
            .await?;
        assert_eq!(row.get::<_, &str>(0), "EXECUTING");
        assert_eq!(session.tick().await?, 0, "a beat has moved the deadline");
    }
    stall(&session, &held).await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        status("QUEUED", "PENDING")
    );
    Ok(())
}

/// Spec: HB-N7.
#[tokio::test]
async fn a_silent_worker_may_be_assumed_to_have_run_out_of_memory() -> Result<()> {
    let session = open(&[("engine.stalls_are_out_of_memory", "on")]).await?;
    let retry = r#"{"outOfMemory": {"machine": "small-2x"}}"#;
    session
        .trigger_with(&format!("'test', retry => '{retry}'"))
        .await?;
    let held = session.take().await?;
    stall(&session, &held).await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        status("QUEUED", "PENDING")
    );
    let larger = "engine.run_state where machine = 'small-2x'";
    assert_eq!(session.count(larger).await?, 1);

    session.make_due(&held.run_id).await?;
    let again = session.take().await?;
    stall(&session, &again).await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        status("FINISHED", "CRASHED"),
        "nothing larger is left"
    );
    Ok(())
}

/// Spec: HB-N7.
#[tokio::test]
async fn in_development_a_silent_worker_is_a_silent_worker() -> Result<()> {
    let session = open(&[("engine.stalls_are_out_of_memory", "on")]).await?;
    let environment = "select engine_set_environment('dev', 'DEVELOPMENT')";
    session.client.batch_execute(environment).await?;
    let retry = r#"{"outOfMemory": {"machine": "small-2x"}}"#;
    session
        .trigger_with(&format!(
            "'test', environment_id => 'dev', retry => '{retry}'"
        ))
        .await?;
    let held = session.dequeue().await?.context("nothing is queued")?;
    let held = session.start(&held).await?;
    stall(&session, &held).await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        status("FINISHED", "CANCELED")
    );
    Ok(())
}

#[tokio::test]
async fn a_run_whose_worker_was_lost_returns_to_its_old_place() -> Result<()> {
    let session = open(&[]).await?;
    for waits in [false, true] {
        let first = session.executing("first").await?;
        if waits {
            let token = session.token().await?;
            session.block(&first.run_id, &[&token]).await?;
        }
        let ahead = session
            .trigger_with("'ahead', priority_ms => 3600000")
            .await?;
        let behind = session.trigger("behind").await?;
        session.lapse(&first.run_id).await?;
        assert_eq!(session.tick_of("stalled_heartbeat").await?, 1);
        let order = session.dequeue_many(10).await?;
        let order: Vec<&str> = order.iter().map(|held| held.run_id.as_str()).collect();
        assert_eq!(order, [&ahead.run_id, &first.run_id, &behind.run_id]);
    }
    session.check().await
}
