//! Batches that are not sealed in time.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::json;

use crate::batch_item::item;

async fn session() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// A batch of two that an executing parent waits for, and that is due to be sealed: parent, batch, its waitpoint.
async fn expiring(session: &Session) -> Result<(String, String, String)> {
    let parent = session.executing("parent").await?;
    let sql = "select batch_id, waitpoint_id from engine_create_batch(2, parent_run_id => $1, resume_parent => true, \
               expires_at => clock_timestamp())";
    let row = session.client.query_one(sql, &[&parent.run_id]).await?;
    Ok((parent.run_id, row.get(0), row.get(1)))
}

async fn expired(session: &Session) -> Result<i32> {
    let sql = "select processed from engine_tick() where kind = 'expired_batch'";
    Ok(session.client.query_one(sql, &[]).await?.get(0))
}

/// Makes the tick abort a batch if it is not sealed.
async fn expire_again(session: &Session, batch: &str) -> Result<()> {
    let sql =
        "insert into engine.timer (shard, kind, id, due_at) values (0, 'EXPIRE_BATCH', $1, now())";
    session.client.execute(sql, &[&batch]).await?;
    assert_eq!(expired(session).await?, 1);
    Ok(())
}

/// Spec: B2-05.
#[tokio::test]
async fn a_batch_that_is_not_sealed_in_time_is_aborted() -> Result<()> {
    let session = session().await?;
    let (parent, batch, waitpoint) = expiring(&session).await?;
    assert_eq!(expired(&session).await?, 1);
    let data = session.batch(&batch).await?;
    assert_eq!(data["status"], "ABORTED");
    assert!(data["completedAt"].is_string());
    let data = session.waitpoint(&waitpoint).await?;
    assert_eq!(
        (&data["status"], &data["outputIsError"]),
        (&json!("COMPLETED"), &json!(true))
    );
    assert!(
        data["output"]
            .as_str()
            .is_some_and(|text| text.contains("STRING_ERROR") && text.contains(&batch))
    );
    assert_eq!(session.edges(&parent).await?, 0);
    assert_eq!(session.execution_status(&parent).await?, "EXECUTING");
    session.check().await
}

/// Spec: B2-06, B-09.
#[tokio::test]
async fn a_batch_that_is_sealed_in_time_stays_as_it_is() -> Result<()> {
    let session = session().await?;
    let (parent, batch, waitpoint) = expiring(&session).await?;
    session
        .add_to_batch(&batch, json!([item(0), item(1)]))
        .await?;
    assert_eq!(expired(&session).await?, 1);
    assert_eq!(session.batch_status(&batch).await?, "PROCESSING");
    assert_eq!(session.waitpoint(&waitpoint).await?["status"], "PENDING");
    assert_eq!(session.edges(&parent).await?, 3);
    session.check().await
}

/// Spec: B2-07, B-10.
#[tokio::test]
async fn a_batch_is_aborted_once() -> Result<()> {
    let session = session().await?;
    let (_, batch, waitpoint) = expiring(&session).await?;
    assert_eq!(expired(&session).await?, 1);
    let first = session.batch(&batch).await?["completedAt"].clone();
    expire_again(&session, &batch).await?;
    let data = session.batch(&batch).await?;
    assert_eq!(
        (&data["status"], &data["completedAt"]),
        (&json!("ABORTED"), &first)
    );
    assert_eq!(session.count("engine.waitpoint").await?, 1);
    assert_eq!(session.waitpoint(&waitpoint).await?["status"], "COMPLETED");
    session.check().await
}

/// Spec: B2-08, B-11.
#[tokio::test]
async fn a_batch_that_was_aborted_by_halves_wakes_its_parent() -> Result<()> {
    let session = session().await?;
    let (parent, batch, waitpoint) = expiring(&session).await?;
    let halves = "delete from engine.timer; update engine.batch set status = 'ABORTED', completed_at = now()";
    session.client.batch_execute(halves).await?;
    expire_again(&session, &batch).await?;
    assert_eq!(session.waitpoint(&waitpoint).await?["outputIsError"], true);
    assert_eq!(session.edges(&parent).await?, 0);
    assert_eq!(session.execution_status(&parent).await?, "EXECUTING");
    session.check().await
}

/// Spec: B2-09.
#[tokio::test]
async fn a_batch_without_a_waiting_parent_is_aborted_and_nothing_else_happens() -> Result<()> {
    let session = session().await?;
    let batch = session.create_batch("2, expires_at => now()").await?;
    session.add_to_batch(&batch, json!([item(0)])).await?;
    assert_eq!(expired(&session).await?, 1);
    assert_eq!(session.batch_status(&batch).await?, "ABORTED");
    assert_eq!(session.count("engine.waitpoint").await?, 0);
    assert_eq!(session.count("engine.queue_item").await?, 1);
    session.check().await
}
