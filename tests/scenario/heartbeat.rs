//! Heartbeats and stalls. The tests move the deadlines instead of waiting for them.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};

/// A database whose queue gives up a run after `queue_max_attempts`, with short delays.
async fn database(queue_max_attempts: &str) -> Result<Database> {
    let database = Database::fresh().await?;
    database
        .set("engine.queue_max_attempts", queue_max_attempts)
        .await?;
    database.set("engine.queue_backoff_max_ms", "50").await?;
    Ok(database)
}

async fn stall(session: &Session, held: &Held) -> Result<()> {
    session.lapse(&held.run_id).await?;
    assert_eq!(session.tick().await?, 1);
    Ok(())
}

async fn dequeue_again(session: &Session, run_id: &str) -> Result<Held> {
    session.make_due(run_id).await?;
    session.dequeue().await?.context("nothing is queued")
}

fn status(execution: &str, run: &str) -> (String, String) {
    (execution.to_owned(), run.to_owned())
}

/// Spec: HB-1.
#[tokio::test]
async fn a_run_that_no_worker_starts_in_time_is_dequeued_again() -> Result<()> {
    let session = Session::open(&database("12").await?).await?;
    session.trigger("test").await?;
    let held = session.dequeue().await?.context("nothing is queued")?;
    assert_eq!(session.status(&held.run_id).await?.0, "PENDING_EXECUTING");
    stall(&session, &held).await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        status("QUEUED", "PENDING")
    );
    let again = dequeue_again(&session, &held.run_id).await?;
    assert_eq!(again.run_id, held.run_id);
    session.start(&again).await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        status("EXECUTING", "EXECUTING")
    );
    Ok(())
}

/// Spec: HB-2.
#[tokio::test]
async fn a_run_that_no_worker_ever_starts_exhausts_the_queue_attempts() -> Result<()> {
    let session = Session::open(&database("2").await?).await?;
    session.trigger("test").await?;
    let held = session.dequeue().await?.context("nothing is queued")?;
    stall(&session, &held).await?;
    assert_eq!(session.status(&held.run_id).await?.0, "QUEUED");
    let again = dequeue_again(&session, &held.run_id).await?;
    assert_eq!(session.status(&held.run_id).await?.0, "PENDING_EXECUTING");
    stall(&session, &again).await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        status("FINISHED", "SYSTEM_FAILURE")
    );
    assert_eq!(
        session.count("engine.slot").await? + session.count("engine.queue_item").await?,
        0
    );
    Ok(())
}

/// Spec: HB-3.
#[tokio::test]
async fn a_worker_that_never_beats_exhausts_the_queue_attempts() -> Result<()> {
    let session = Session::open(&database("2").await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        status("EXECUTING", "EXECUTING")
    );
    stall(&session, &held).await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        status("QUEUED", "PENDING")
    );
    let again = dequeue_again(&session, &held.run_id).await?;
    let again = session.start(&again).await?;
    assert_eq!(session.data(&held.run_id).await?["run"]["attemptNumber"], 2);
    stall(&session, &again).await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        status("FINISHED", "SYSTEM_FAILURE")
    );
    Ok(())
}

/// Spec: HB-7.
#[tokio::test]
async fn beats_keep_a_run() -> Result<()> {
    let session = Session::open(&database("12").await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    for _ in 0..5 {
        // The deadline is about to pass, and the tick is due to check it.
        session.lapse(&held.run_id).await?;
        let sql = "select snapshot_id from engine_heartbeat($1, $2)";
        let row = session
            .client
            .query_one(sql, &[&held.run_id, &held.snapshot_id])
            .await?;
        assert_eq!(row.get::<_, &str>(0), held.snapshot_id);
        assert_eq!(session.tick().await?, 0);
    }
    assert_eq!(
        session.status(&held.run_id).await?,
        status("EXECUTING", "EXECUTING")
    );
    let checked =
        "engine.heartbeat where check_at = deadline_at and deadline_at > clock_timestamp()";
    assert_eq!(
        session.count(checked).await?,
        1,
        "the tick looks again when the deadline passes"
    );
    stall(&session, &held).await?;
    assert_eq!(session.status(&held.run_id).await?.0, "QUEUED");
    Ok(())
}

/// Spec: HB-N1.
#[tokio::test]
async fn a_beat_with_an_old_snapshot_returns_the_new_one_and_moves_nothing() -> Result<()> {
    let session = Session::open(&database("12").await?).await?;
    session.trigger("test").await?;
    let dequeued = session.dequeue().await?.context("nothing is queued")?;
    let held = session.start(&dequeued).await?;
    let deadline = "select deadline_at::text from engine.heartbeat";
    let before: String = session.client.query_one(deadline, &[]).await?.get(0);
    let sql = "select snapshot_id, execution_status from engine_heartbeat($1, $2)";
    let row = session
        .client
        .query_one(sql, &[&dequeued.run_id, &dequeued.snapshot_id])
        .await?;
    assert_eq!(row.get::<_, &str>(0), held.snapshot_id);
    assert_eq!(row.get::<_, &str>(1), "EXECUTING");
    let after: String = session.client.query_one(deadline, &[]).await?.get(0);
    assert_eq!(after, before);
    Ok(())
}

/// Spec: HB-N2.
#[tokio::test]
async fn a_beat_makes_no_deadline_where_none_is() -> Result<()> {
    let session = Session::open(&database("12").await?).await?;
    let run = session.trigger("test").await?;
    let sql = "select execution_status from engine_heartbeat($1, $2)";
    let row = session
        .client
        .query_one(sql, &[&run.run_id, &run.snapshot_id])
        .await?;
    assert_eq!(row.get::<_, &str>(0), "QUEUED");
    assert_eq!(session.count("engine.heartbeat").await?, 0);
    Ok(())
}

/// Spec: HB-N3.
#[tokio::test]
async fn in_development_a_stalled_attempt_ends_its_run_cancelled() -> Result<()> {
    let session = Session::open(&database("12").await?).await?;
    let environment = "select engine_set_environment('dev', 'DEVELOPMENT')";
    session.client.batch_execute(environment).await?;
    session
        .trigger_with("'test', environment_id => 'dev'")
        .await?;
    let held = session.take().await?;
    stall(&session, &held).await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        status("FINISHED", "CANCELED")
    );
    Ok(())
}

/// Spec: HB-N4.
#[tokio::test]
async fn the_last_attempt_that_stalls_ends_its_run_with_errors() -> Result<()> {
    let session = Session::open(&database("12").await?).await?;
    session.trigger_with("'test', max_attempts => 1").await?;
    let held = session.take().await?;
    stall(&session, &held).await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        status("FINISHED", "COMPLETED_WITH_ERRORS")
    );
    Ok(())
}

/// Spec: HB-N5.
#[tokio::test]
async fn a_run_that_moved_on_is_not_stalled_by_its_old_deadline() -> Result<()> {
    let session = Session::open(&database("12").await?).await?;
    session.trigger("test").await?;
    let dequeued = session.dequeue().await?.context("nothing is queued")?;
    session.lapse(&dequeued.run_id).await?;
    session.start(&dequeued).await?;
    assert_eq!(session.tick().await?, 0);
    assert_eq!(session.status(&dequeued.run_id).await?.0, "EXECUTING");
    Ok(())
}

/// Spec: HB-N6.
#[tokio::test]
async fn a_resumed_run_that_no_worker_starts_keeps_all_that_it_carried() -> Result<()> {
    let session = Session::open(&database("12").await?).await?;
    let run = session.trigger("test").await?;
    let carry = "update engine.snapshot \
                 set batch_id = 'b1', checkpoint_id = 'k1', completed_waitpoint_ids = '{w1,w2}', \
                     completed_waitpoint_order = '{w2}'; \
                 update engine.run_state \
                 set batch_id = 'b1', checkpoint_id = 'k1', completed_waitpoint_ids = '{w1,w2}', \
                     completed_waitpoint_order = '{w2}'";
    session.client.batch_execute(carry).await?;
    let held = session.dequeue().await?.context("nothing is queued")?;
    stall(&session, &held).await?;
    let sql = "select count(*) from engine.snapshot \
               where run_id = $1 and batch_id = 'b1' and checkpoint_id = 'k1' \
                 and completed_waitpoint_ids = '{w1,w2}' and completed_waitpoint_order = '{w2}'";
    let row = session.client.query_one(sql, &[&run.run_id]).await?;
    assert_eq!(row.get::<_, i64>(0), 3, "queued, dequeued, queued again");
    Ok(())
}
