//! A beat against a transition of the same run: both orders, forced by an open transaction.

use anyhow::{Context, Result};
use engine_harness::condition::{backend_pid, waits_for_lock};
use engine_harness::{Database, Session};

#[tokio::test]
async fn a_beat_that_waits_for_a_start_moves_nothing_and_returns_the_new_snapshot() -> Result<()> {
    let database = Database::fresh().await?;
    let (worker, beater) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    worker.trigger("test").await?;
    let dequeued = worker.dequeue().await?.context("nothing is queued")?;
    worker.client.batch_execute("begin").await?;
    let started = worker.start(&dequeued).await?;
    let pid = backend_pid(&beater.client).await?;
    let beat = tokio::spawn(async move {
        let sql = "select snapshot_id from engine_heartbeat($1, $2)";
        let row = beater
            .client
            .query_one(sql, &[&dequeued.run_id, &dequeued.snapshot_id])
            .await?;
        Ok::<_, anyhow::Error>(row.get::<_, String>(0))
    });
    let observer = Session::open(&database).await?;
    waits_for_lock(&observer.client, pid).await?;
    let deadline = "select deadline_at::text from engine.heartbeat";
    let before: String = worker.client.query_one(deadline, &[]).await?.get(0);
    worker.client.batch_execute("commit").await?;
    assert_eq!(beat.await??, started.snapshot_id);
    let after: String = observer.client.query_one(deadline, &[]).await?.get(0);
    assert_eq!(after, before);
    Ok(())
}

#[tokio::test]
async fn a_tick_passes_by_a_run_whose_beat_has_not_committed() -> Result<()> {
    let database = Database::fresh().await?;
    let (worker, ticker) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    worker.trigger("test").await?;
    let held = worker.take().await?;
    worker.lapse(&held.run_id).await?;
    worker.client.batch_execute("begin").await?;
    let beat = "select * from engine_heartbeat($1, $2)";
    worker
        .client
        .query_one(beat, &[&held.run_id, &held.snapshot_id])
        .await?;
    assert_eq!(ticker.tick().await?, 0, "the beat is under way");
    worker.client.batch_execute("commit").await?;
    assert_eq!(ticker.tick().await?, 0, "the beat has moved the deadline");
    assert_eq!(ticker.status(&held.run_id).await?.0, "EXECUTING");
    Ok(())
}

#[tokio::test]
async fn a_completion_that_comes_while_the_tick_recovers_is_refused_as_stale() -> Result<()> {
    let database = Database::fresh().await?;
    let (worker, ticker) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    worker.trigger("test").await?;
    let held = worker.take().await?;
    worker.lapse(&held.run_id).await?;
    ticker.client.batch_execute("begin").await?;
    assert_eq!(ticker.tick().await?, 1);
    let pid = backend_pid(&worker.client).await?;
    let run_id = held.run_id.clone();
    let late = tokio::spawn(async move {
        let sql = format!(
            "select engine_succeed('{}', '{}')",
            held.run_id, held.snapshot_id
        );
        worker.refused(&sql).await
    });
    waits_for_lock(&Session::open(&database).await?.client, pid).await?;
    ticker.client.batch_execute("commit").await?;
    assert_eq!(late.await??.code, "RE002");
    assert_eq!(ticker.status(&run_id).await?.0, "QUEUED");
    Ok(())
}

#[tokio::test]
async fn a_completion_waits_for_a_beat_that_has_not_committed_and_removes_the_deadline_that_it_moved()
-> Result<()> {
    let database = Database::fresh().await?;
    let (worker, beater) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    worker.trigger("test").await?;
    let held = worker.take().await?;
    beater.client.batch_execute("begin").await?;
    let beat = "select * from engine_heartbeat($1, $2)";
    beater
        .client
        .query_one(beat, &[&held.run_id, &held.snapshot_id])
        .await?;
    let pid = backend_pid(&worker.client).await?;
    let run_id = held.run_id.clone();
    let completed = tokio::spawn(async move {
        worker
            .complete(&held, serde_json::json!({"ok": true}))
            .await
    });
    let observer = Session::open(&database).await?;
    waits_for_lock(&observer.client, pid).await?;
    beater.client.batch_execute("commit").await?;
    completed.await??;
    assert_eq!(observer.status(&run_id).await?.0, "FINISHED");
    assert_eq!(observer.count("engine.heartbeat").await?, 0);
    observer.check().await
}
