//! Queue items of runs that are not queued. Only a damaged table has one: here it is inserted by hand.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::json;

fn status(execution: &str, run: &str) -> (String, String) {
    (execution.to_owned(), run.to_owned())
}

/// Spec: DEQ-N1.
#[tokio::test]
async fn a_second_item_of_a_dequeued_run_is_taken_away_and_changes_nothing() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.dequeue().await?.context("nothing is queued")?;
    session.put_stray(&held.run_id).await?;
    assert_eq!(session.dequeue().await?, None);
    session.check().await?;
    assert_eq!(session.count("engine.snapshot").await?, 2);
    assert_eq!(
        session.status(&held.run_id).await?,
        status("PENDING_EXECUTING", "PENDING")
    );
    session.start(&held).await?;
    Ok(())
}

/// Spec: DEQ-N2.
#[tokio::test]
async fn an_item_of_an_executing_run_ends_it() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    session.put_stray(&held.run_id).await?;
    assert_eq!(session.dequeue().await?, None);
    assert_eq!(
        session.status(&held.run_id).await?,
        status("FINISHED", "SYSTEM_FAILURE")
    );
    let sql = "select is_valid, execution_status::text, run_status::text, coalesce(error, '') \
               from engine.snapshot order by ordinal desc limit 2";
    let rows = session.client.query(sql, &[]).await?;
    let (last, refused) = (&rows[0], &rows[1]);
    assert_eq!(
        (last.get::<_, bool>(0), last.get::<_, &str>(1)),
        (true, "FINISHED")
    );
    assert_eq!(
        (refused.get::<_, bool>(0), refused.get::<_, &str>(1)),
        (false, "EXECUTING")
    );
    assert_eq!(refused.get::<_, &str>(2), "EXECUTING");
    assert!(refused.get::<_, &str>(3).contains("EXECUTING"));
    let sql = "select error ->> 'code' from engine.run_state";
    let code: String = session.client.query_one(sql, &[]).await?.get(0);
    assert_eq!(code, "TASK_DEQUEUED_INVALID_STATE");
    session.check().await?;

    let (run, snapshot) = (&held.run_id, &held.snapshot_id);
    let late = session
        .refused(&format!("select engine_succeed('{run}', '{snapshot}')"))
        .await?;
    assert_eq!(late.code, "RE002");
    Ok(())
}

/// Spec: DEQ-N3.
#[tokio::test]
async fn an_item_of_a_finished_run_is_recorded_and_taken_away() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    let last = session.complete(&held, json!({"ok": true})).await?.latest;
    // It may happen again: the record of the first time does not interfere.
    for times in 1..=2 {
        session.put_stray(&held.run_id).await?;
        assert_eq!(session.dequeue().await?, None);
        session.check().await?;
        let data = session.data(&held.run_id).await?;
        assert_eq!(data["snapshot"]["id"], last.snapshot_id.as_str());
        assert_eq!(data["run"]["status"], "COMPLETED_SUCCESSFULLY");
        assert_eq!(
            session.count("engine.snapshot where not is_valid").await?,
            times
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_stray_item_keeps_no_other_run_from_its_worker() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    session.put_stray(&held.run_id).await?;
    session.trigger("test").await?;
    session.trigger("test").await?;
    assert_eq!(session.dequeue_many(10).await?.len(), 2);
    assert_eq!(session.dequeue_many(10).await?.len(), 0);
    session.check().await
}
