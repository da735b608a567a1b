//! The most attempts that any run may start.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};

use crate::reported::{failure_with_retry, user_error};

/// The only run has started this many attempts.
async fn has_started(session: &Session, attempts: i32) -> Result<()> {
    let sql = format!(
        "update engine.run_state set attempt_number = {attempts}; \
         update engine.snapshot as p set attempt_number = {attempts} \
         from engine.run_state as s where p.id = s.snapshot_id"
    );
    Ok(session.client.batch_execute(&sql).await?)
}

#[tokio::test]
async fn a_run_starts_its_250th_attempt_and_crashes_instead_of_starting_the_251st() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger_with("'test', max_attempts => 1000").await?;
    let dequeued = session.dequeue().await?.context("nothing is queued")?;
    has_started(&session, 249).await?;
    let held = session.start(&dequeued).await?;
    assert_eq!(
        session.data(&held.run_id).await?["run"]["attemptNumber"],
        250
    );
    let failed = session
        .complete(&held, failure_with_retry(user_error(), 0))
        .await?;
    assert_eq!(failed.attempt_status, "RETRY_IMMEDIATELY");

    let sql = "select execution_status, run_status, attempt_number, heartbeat_ms, execution is null \
               from engine_start_attempt($1, $2)";
    let (run, snapshot) = (&failed.latest.run_id, &failed.latest.snapshot_id);
    let row = session.client.query_one(sql, &[run, snapshot]).await?;
    assert_eq!(
        (row.get::<_, &str>(0), row.get::<_, &str>(1)),
        ("FINISHED", "CRASHED")
    );
    assert_eq!(row.get::<_, i32>(2), 250);
    assert_eq!(
        (row.get::<_, Option<i64>>(3), row.get::<_, bool>(4)),
        (None, true)
    );
    let sql = "select error ->> 'code' from engine.run_state";
    let code: String = session.client.query_one(sql, &[]).await?.get(0);
    assert_eq!(code, "TASK_RUN_CRASHED");
    assert_eq!(session.count("engine.heartbeat").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_requeued_run_does_not_start_the_251st_attempt_either() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger_with("'test', max_attempts => 1000").await?;
    let dequeued = session.dequeue().await?.context("nothing is queued")?;
    has_started(&session, 250).await?;
    session.start(&dequeued).await?;
    let ended = ("FINISHED".to_owned(), "CRASHED".to_owned());
    assert_eq!(session.status(&dequeued.run_id).await?, ended);
    Ok(())
}
