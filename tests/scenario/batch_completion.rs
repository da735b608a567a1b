//! When a batch has ended.

use anyhow::Result;
use engine_harness::condition::{backend_pid, waits_for_lock};
use engine_harness::{Database, Session};
use serde_json::json;

async fn session() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

async fn join(session: &Session, batch: &str) -> Result<()> {
    let arguments = format!("'child', batch_id => '{batch}'");
    session.trigger_with(&arguments).await.map(drop)
}

async fn succeed(session: &Session) -> Result<()> {
    let held = session.take().await?;
    session.complete(&held, json!({"ok": true})).await.map(drop)
}

/// Makes the tick check whether a batch has ended; returns how many it checked.
async fn settle(session: &Session, batch: &str) -> Result<i32> {
    let sql = "insert into engine.timer (shard, kind, id, due_at) values (0, 'COMPLETE_BATCH', $1 || '/test', now())";
    session.client.execute(sql, &[&batch]).await?;
    let sql = "select processed from engine_tick() where kind = 'batch_completion'";
    Ok(session.client.query_one(sql, &[]).await?.get(0))
}

/// Spec: BC-01.
#[tokio::test]
async fn runs_of_another_batch_or_environment_do_not_count() -> Result<()> {
    let session = session().await?;
    session.broken_on_purpose().await?;
    let environment = "select engine_set_environment('other')";
    session.client.batch_execute(environment).await?;
    let (batch, other) = (
        session.create_batch("1").await?,
        session.create_batch("1").await?,
    );
    join(&session, &batch).await?;
    join(&session, &other).await?;
    let foreign =
        format!("select engine_trigger('t', environment_id => 'other', batch_id => '{batch}')");
    assert_eq!(session.refused(&foreign).await?.code, "22023");
    // One that exists nevertheless would not delay the batch.
    session
        .trigger_with("'t', environment_id => 'other', worker_queue => 'none'")
        .await?;
    let sql = format!("update engine.run set batch_id = '{batch}' where environment_id = 'other'");
    session.client.batch_execute(&sql).await?;
    succeed(&session).await?;
    assert_eq!(session.batch_status(&batch).await?, "COMPLETED");
    assert_eq!(session.batch_status(&other).await?, "PENDING");
    Ok(())
}

/// Spec: BC-02.
#[tokio::test]
async fn a_note_about_an_unknown_batch_is_thrown_away() -> Result<()> {
    let session = session().await?;
    assert_eq!(settle(&session, "nope").await?, 0);
    assert_eq!(session.count("engine.timer").await?, 0);
    Ok(())
}

/// Spec: BC-03.
#[tokio::test]
async fn a_batch_that_has_ended_stays_as_it_is() -> Result<()> {
    let session = session().await?;
    let batch = session.create_batch("1").await?;
    join(&session, &batch).await?;
    succeed(&session).await?;
    let before = session.batch(&batch).await?;
    assert_eq!(before["status"], "COMPLETED");
    assert_eq!(settle(&session, &batch).await?, 1);
    assert_eq!(session.batch(&batch).await?, before);
    Ok(())
}

/// Spec: BC-04, B-15.
#[tokio::test]
async fn a_batch_of_which_items_are_missing_has_not_ended() -> Result<()> {
    let session = session().await?;
    let batch = session.create_batch("2").await?;
    join(&session, &batch).await?;
    succeed(&session).await?;
    assert_eq!(settle(&session, &batch).await?, 1);
    assert_eq!(session.batch_status(&batch).await?, "PENDING");
    join(&session, &batch).await?;
    succeed(&session).await?;
    assert_eq!(session.batch_status(&batch).await?, "COMPLETED");
    session.check().await
}

#[tokio::test]
async fn a_batch_whose_count_comes_late_ends_when_it_is_sealed() -> Result<()> {
    let session = session().await?;
    let batch = session.create_batch("").await?;
    join(&session, &batch).await?;
    succeed(&session).await?;
    assert_eq!(session.batch_status(&batch).await?, "PENDING");
    let sql = "select sealed, status, run_count from engine_seal_batch($1)";
    let row = session.client.query_one(sql, &[&batch]).await?;
    assert_eq!(
        (
            row.get::<_, bool>(0),
            row.get::<_, &str>(1),
            row.get::<_, i32>(2)
        ),
        (true, "COMPLETED", 1)
    );
    session.check().await
}

/// Spec: BC-06.
#[tokio::test]
async fn a_parent_continues_with_the_batch() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let arguments = format!(
        "1, parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    let batch = session.create_batch(&arguments).await?;
    // A child that the parent does not wait for separately.
    join(&session, &batch).await?;
    assert_eq!(session.edges(&parent.run_id).await?, 1);
    succeed(&session).await?;
    assert_eq!(session.batch_status(&batch).await?, "COMPLETED");
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    let data = session.data(&parent.run_id).await?;
    assert_eq!(
        data["completedWaitpoints"][0]["output"],
        "Batch waitpoint completed"
    );
    session.check().await
}

#[tokio::test]
async fn every_way_to_end_a_run_ends_its_batch() -> Result<()> {
    let session = session().await?;
    let batch = session.create_batch("4").await?;
    for _ in 0..4 {
        let arguments = format!("'child', batch_id => '{batch}', max_attempts => 1");
        session.trigger_with(&arguments).await?;
    }
    succeed(&session).await?;
    let failed = session.take().await?;
    let failure = json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}});
    session.complete(&failed, failure).await?;
    let stalled = session.take().await?;
    session.lapse(&stalled.run_id).await?;
    session.tick().await?;
    assert_eq!(session.batch_status(&batch).await?, "PENDING");
    let sql = "select engine_cancel(run_id) from engine.queue_item";
    session.client.query_one(sql, &[]).await?;
    assert_eq!(session.batch_status(&batch).await?, "COMPLETED");
    session.check().await
}

#[tokio::test]
async fn two_last_runs_that_end_at_once_end_their_batch_with_the_tick() -> Result<()> {
    let database = Database::fresh().await?;
    let (session, other) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let batch = session.create_batch("2").await?;
    join(&session, &batch).await?;
    join(&session, &batch).await?;
    let (one, two) = (session.take().await?, session.take().await?);
    session.client.batch_execute("begin").await?;
    session.complete(&one, json!({"ok": true})).await?;
    // The first session holds the batch: the second does not wait for it.
    other.complete(&two, json!({"ok": true})).await?;
    session.client.batch_execute("commit").await?;
    assert_eq!(session.batch_status(&batch).await?, "PENDING");
    session.check().await?;
    session.tick().await?;
    assert_eq!(session.batch_status(&batch).await?, "COMPLETED");
    session.check().await
}

#[tokio::test]
async fn a_run_that_joins_while_another_ends_is_waited_for() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let batch = session.create_batch("2").await?;
    join(&session, &batch).await?;
    let held = session.take().await?;
    session.client.batch_execute("begin").await?;
    join(&session, &batch).await?;
    // The end does not wait for the trigger that holds the batch.
    let other = Session::open(&database).await?;
    other.complete(&held, json!({"ok": true})).await?;
    session.client.batch_execute("commit").await?;
    session.tick().await?;
    assert_eq!(session.batch_status(&batch).await?, "PENDING");
    // A trigger waits for an end that holds the batch.
    let held = session.take().await?;
    session.client.batch_execute("begin").await?;
    session.complete(&held, json!({"ok": true})).await?;
    let pid = backend_pid(&other.client).await?;
    let trigger = format!("select engine_trigger('t', batch_id => '{batch}')");
    let late = tokio::spawn(async move { other.refused(&trigger).await });
    waits_for_lock(&Session::open(&database).await?.client, pid).await?;
    session.client.batch_execute("commit").await?;
    assert_eq!(late.await??.code, "RE012");
    assert_eq!(session.batch_status(&batch).await?, "COMPLETED");
    session.check().await
}
