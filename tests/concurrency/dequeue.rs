//! Dequeues under load.

use std::collections::HashMap;

use anyhow::Result;
use engine_harness::{Database, Session};
use tokio::task::JoinSet;

/// Triggers this many runs in one call.
async fn trigger_many(session: &Session, runs: i32) -> Result<()> {
    let sql = "select count(*) from engine_trigger_many( \
               (select jsonb_agg(jsonb_build_object('task', 'test', 'payload', n)) from generate_series(1, $1) n))";
    session.client.query_one(sql, &[&runs]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_sessions_dequeue_each_of_a_thousand_runs_exactly_once() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    trigger_many(&session, 1000).await?;
    let mut workers = JoinSet::new();
    for number in 0..200 {
        let worker = Session::open(&database).await?;
        workers.spawn(async move {
            let mut mine = Vec::new();
            let max_runs = 1 + number % 7;
            // A dequeue without runs may have been overtaken by others: only the queue says when all are done.
            while worker.count("engine.queue_item").await? > 0 {
                mine.extend(worker.dequeue_many(max_runs).await?);
            }
            Ok::<_, anyhow::Error>(mine)
        });
    }
    let mut given: HashMap<String, u32> = HashMap::new();
    while let Some(mine) = workers.join_next().await {
        for held in mine?? {
            *given.entry(held.run_id).or_default() += 1;
        }
    }
    assert_eq!(given.len(), 1000);
    assert!(given.values().all(|times| *times == 1));
    assert_eq!(session.count("engine.slot").await?, 1000);
    assert_eq!(session.count("engine.heartbeat").await?, 1000);
    assert_eq!(
        session
            .count("engine.snapshot where execution_status = 'PENDING_EXECUTING'")
            .await?,
        1000
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_completions_of_one_run_one_counts() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    let mut completions = JoinSet::new();
    for number in 0..20 {
        let (worker, held) = (Session::open(&database).await?, held.clone());
        let completion = serde_json::json!({"ok": true, "output": number.to_string()});
        completions.spawn(async move { worker.complete(&held, completion).await.is_ok() });
    }
    let accepted = completions
        .join_all()
        .await
        .into_iter()
        .filter(|accepted| *accepted)
        .count();
    assert_eq!(accepted, 1);
    assert_eq!(
        session
            .count("engine.snapshot where execution_status = 'FINISHED'")
            .await?,
        1
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_ticks_at_once_recover_every_stalled_run_once() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    trigger_many(&session, 500).await?;
    assert_eq!(session.dequeue_many(500).await?.len(), 500);
    session
        .client
        .batch_execute("update engine.heartbeat set check_at = now(), deadline_at = now()")
        .await?;
    let mut ticks = JoinSet::new();
    for _ in 0..20 {
        let ticker = Session::open(&database).await?;
        ticks.spawn(async move {
            let mut recovered = 0;
            while ticker.count("engine.heartbeat").await? > 0 {
                let sql = "select processed from engine_tick(37) where kind = 'stalled_heartbeat'";
                recovered += ticker.client.query_one(sql, &[]).await?.get::<_, i32>(0);
            }
            Ok::<_, anyhow::Error>(recovered)
        });
    }
    let mut recovered = 0;
    while let Some(mine) = ticks.join_next().await {
        recovered += mine??;
    }
    assert_eq!(recovered, 500);
    assert_eq!(session.count("engine.queue_item").await?, 500);
    assert_eq!(session.count("engine.slot").await?, 0);
    assert_eq!(session.count("engine.snapshot").await?, 1500);
    Ok(())
}
