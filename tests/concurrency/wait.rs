//! A block against a completion, and similar races. Each in both orders, forced by open transactions.

use anyhow::Result;
use engine_harness::condition::{backend_pid, waits_for_lock};
use engine_harness::{Database, Held, Session};
use serde_json::json;
use tokio::task::JoinHandle;

/// Starts `work` in a session of its own, and returns once it waits for another session's transaction.
pub(crate) async fn waiting<T: Send + 'static, F>(
    database: &Database,
    work: impl FnOnce(Session) -> F,
) -> Result<JoinHandle<Result<T>>>
where
    F: Future<Output = Result<T>> + Send + 'static,
{
    let session = Session::open(database).await?;
    let pid = backend_pid(&session.client).await?;
    let task = tokio::spawn(work(session));
    waits_for_lock(&Session::open(database).await?.client, pid).await?;
    Ok(task)
}

pub(crate) async fn begin(session: &Session) -> Result<()> {
    Ok(session.client.batch_execute("begin").await?)
}

pub(crate) async fn commit(session: &Session) -> Result<()> {
    Ok(session.client.batch_execute("commit").await?)
}

/// Number of continuations noted for the tick.
async fn notes(session: &Session) -> Result<i64> {
    session
        .count("engine.timer where kind = 'CONTINUE_RUN'")
        .await
}

pub(crate) async fn success(session: &Session, held: &Held) -> Result<()> {
    session
        .complete(held, json!({"ok": true, "output": "1"}))
        .await
        .map(drop)
}

/// Spec: R-01.
#[tokio::test]
async fn a_block_during_a_continuation_keeps_its_edge() -> Result<()> {
    let database = Database::fresh().await?;
    let (first, other) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let held = first.executing("test").await?;
    let (one, two) = (first.token().await?, first.token().await?);
    first.block(&held.run_id, &[&one]).await?;
    // The run continues with the first, and then waits for the second.
    begin(&first).await?;
    first.complete_waitpoint(&one).await?;
    let (run_id, token) = (held.run_id.clone(), two.clone());
    let block = waiting(&database, async move |session| {
        session.block(&run_id, &[&token]).await
    })
    .await?;
    commit(&first).await?;
    assert_eq!(block.await??.execution_status, "EXECUTING_WITH_WAITPOINTS");
    let edge = format!("engine.edge where waitpoint_id = '{two}'");
    assert_eq!(other.count(&edge).await?, 1);
    assert_eq!(other.edges(&held.run_id).await?, 1);
    other.check().await?;
    other.complete_waitpoint(&two).await?;
    assert_eq!(other.execution_status(&held.run_id).await?, "EXECUTING");
    other.check().await
}

/// Spec: R-01.
#[tokio::test]
async fn a_completion_during_a_block_leaves_both_edges() -> Result<()> {
    let database = Database::fresh().await?;
    let (first, other) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let held = first.executing("test").await?;
    let (one, two) = (first.token().await?, first.token().await?);
    first.block(&held.run_id, &[&one]).await?;
    begin(&first).await?;
    first.block(&held.run_id, &[&two]).await?;
    // The run is locked: the completion does not wait for it, and leaves a note.
    other.complete_waitpoint(&one).await?;
    assert_eq!(notes(&other).await?, 1);
    commit(&first).await?;
    other.tick().await?;
    assert_eq!(notes(&other).await?, 0);
    assert_eq!(
        other.execution_status(&held.run_id).await?,
        "EXECUTING_WITH_WAITPOINTS"
    );
    assert_eq!(other.edges(&held.run_id).await?, 2);
    other.complete_waitpoint(&two).await?;
    let data = other.data(&held.run_id).await?;
    assert_eq!(data["snapshot"]["executionStatus"], "EXECUTING");
    assert_eq!(
        data["completedWaitpoints"].as_array().map(Vec::len),
        Some(2)
    );
    other.check().await
}

/// Spec: R-02.
#[tokio::test]
async fn a_block_by_what_was_just_completed_continues_with_the_tick() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    session.complete_waitpoint(&token).await?;
    let blocked = session.block(&held.run_id, &[&token]).await?;
    assert_eq!(
        (blocked.execution_status.as_str(), blocked.pending_count),
        ("EXECUTING_WITH_WAITPOINTS", 0)
    );
    assert_eq!(notes(&session).await?, 1);
    session.check().await?;
    session.tick().await?;
    assert_eq!(session.execution_status(&held.run_id).await?, "EXECUTING");
    assert_eq!(notes(&session).await?, 0);
    session.check().await
}

/// Spec: R-03.
#[tokio::test]
async fn a_completion_waits_for_a_block_and_sees_its_edge() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    begin(&session).await?;
    session.block(&held.run_id, &[&token]).await?;
    let completion = waiting(&database, async move |other| {
        other.complete_waitpoint(&token).await
    })
    .await?;
    commit(&session).await?;
    completion.await??;
    assert_eq!(session.execution_status(&held.run_id).await?, "EXECUTING");
    assert_eq!(session.edges(&held.run_id).await?, 0);
    session.check().await
}

/// Spec: R-04.
#[tokio::test]
async fn a_block_waits_for_a_completion_and_sees_it() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    begin(&session).await?;
    session.complete_waitpoint(&token).await?;
    let run_id = held.run_id.clone();
    let block = waiting(&database, async move |other| {
        other.block(&run_id, &[&token]).await
    })
    .await?;
    commit(&session).await?;
    assert_eq!(block.await??.pending_count, 0);
    session.check().await?;
    session.tick().await?;
    assert_eq!(session.execution_status(&held.run_id).await?, "EXECUTING");
    session.check().await
}

/// Spec: R-04.
#[tokio::test]
async fn a_block_sees_a_completion_that_is_taken_back() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    begin(&session).await?;
    session.complete_waitpoint(&token).await?;
    let (run_id, waitpoint) = (held.run_id.clone(), token.clone());
    let block = waiting(&database, async move |other| {
        other.block(&run_id, &[&waitpoint]).await
    })
    .await?;
    session.client.batch_execute("rollback").await?;
    assert_eq!(block.await??.pending_count, 1);
    assert_eq!(notes(&session).await?, 0);
    session.complete_waitpoint(&token).await?;
    assert_eq!(session.execution_status(&held.run_id).await?, "EXECUTING");
    session.check().await
}

/// Spec: R-06.
#[tokio::test]
async fn a_completion_while_the_tick_looks_at_the_run_is_not_lost() -> Result<()> {
    let database = Database::fresh().await?;
    let (ticker, other) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let held = other.executing("test").await?;
    let (one, two) = (other.token().await?, other.token().await?);
    other.block(&held.run_id, &[&one, &two]).await?;
    // A session holds the run while the first is completed.
    begin(&ticker).await?;
    let lock = "select from engine.run_state for no key update";
    ticker.client.batch_execute(lock).await?;
    other.complete_waitpoint(&one).await?;
    commit(&ticker).await?;
    assert_eq!(notes(&other).await?, 1);
    // The tick is processing that note, and has found the second pending.
    begin(&ticker).await?;
    ticker.tick().await?;
    other.complete_waitpoint(&two).await?;
    commit(&ticker).await?;
    assert_eq!(notes(&other).await?, 1, "the second one's");
    other.check().await?;
    other.tick().await?;
    assert_eq!(other.execution_status(&held.run_id).await?, "EXECUTING");
    assert_eq!(notes(&other).await?, 0);
    other.check().await
}

/// Spec: R-07.
#[tokio::test]
async fn a_checkpoint_that_waits_for_a_continuation_is_discarded() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    let blocked = session.block(&held.run_id, &[&token]).await?;
    begin(&session).await?;
    session.complete_waitpoint(&token).await?;
    let checkpoint = waiting(&database, async move |other| {
        other.checkpoint(&blocked.held, "why").await
    })
    .await?;
    commit(&session).await?;
    let (ok, error, _, status) = checkpoint.await??;
    assert_eq!(
        (ok, error.as_deref()),
        (false, Some("Not the latest snapshot"))
    );
    assert_eq!(status, "EXECUTING");
    session.check().await
}

/// Spec: R-07.
#[tokio::test]
async fn a_run_that_is_suspended_during_a_completion_is_queued() -> Result<()> {
    let database = Database::fresh().await?;
    let (session, other) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let held = session.executing("test").await?;
    let token = session.token().await?;
    let blocked = session.block(&held.run_id, &[&token]).await?;
    begin(&session).await?;
    session.suspend(&blocked.held, "why").await?;
    other.complete_waitpoint(&token).await?;
    commit(&session).await?;
    assert_eq!(other.execution_status(&held.run_id).await?, "SUSPENDED");
    other.check().await?;
    other.tick().await?;
    assert_eq!(other.execution_status(&held.run_id).await?, "QUEUED");
    other.check().await
}

#[tokio::test]
async fn a_tick_skips_a_waitpoint_that_a_run_is_about_to_wait_for() -> Result<()> {
    let database = Database::fresh().await?;
    let (session, ticker) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let held = session.executing("test").await?;
    let due = session.due_in(0).await?;
    begin(&session).await?;
    session.block(&held.run_id, &[&due]).await?;
    ticker.tick().await?;
    assert_eq!(ticker.waitpoint(&due).await?["status"], "PENDING");
    commit(&session).await?;
    ticker.tick().await?;
    assert_eq!(ticker.execution_status(&held.run_id).await?, "EXECUTING");
    ticker.check().await
}
