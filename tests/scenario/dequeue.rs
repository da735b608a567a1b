//! Dequeues, and their order.

use anyhow::Result;
use engine_harness::{Cluster, Database, Options, Session};

/// Spec: DEQ-1.
#[tokio::test]
async fn five_dequeues_give_five_of_ten_runs() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for _ in 0..10 {
        session.trigger("test").await?;
    }
    let mut given = 0;
    for _ in 0..5 {
        given += session.dequeue_many(1).await?.len();
    }
    assert_eq!(given, 5);
    assert_eq!(session.count("engine.queue_item").await?, 5);
    Ok(())
}

/// Spec: DEQ-N7.
#[tokio::test]
async fn a_dequeued_run_says_since_when_and_with_what() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger("test").await?;
    let held = session.dequeue_many(1).await?.remove(0);
    let sql = "select run_status::text, dequeued_at is not null, started_at is null, machine, max_attempts, \
                      snapshot_id, attempt_number is null \
               from engine.run_state";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(row.get::<_, &str>(0), "DEQUEUED");
    assert!(row.get::<_, bool>(1));
    assert!(row.get::<_, bool>(2));
    assert_eq!(row.get::<_, &str>(3), "small-1x");
    assert_eq!(row.get::<_, i32>(4), 3);
    assert_eq!(row.get::<_, &str>(5), held.snapshot_id);
    assert!(row.get::<_, bool>(6));
    let sql = "select run_status::text, previous_snapshot_id from engine.history where id = $1";
    let row = session.client.query_one(sql, &[&held.snapshot_id]).await?;
    assert_eq!(row.get::<_, &str>(0), "PENDING");
    assert_eq!(row.get::<_, &str>(1), run.snapshot_id);
    Ok(())
}

/// Spec: DEQ-N8.
#[tokio::test]
async fn of_two_dequeues_at_once_one_gets_the_run() -> Result<()> {
    let database = Database::fresh().await?;
    let (one, other) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    one.trigger("test").await?;
    one.client.batch_execute("begin").await?;
    assert_eq!(one.dequeue_many(10).await?.len(), 1);
    assert_eq!(
        other.dequeue_many(10).await?.len(),
        0,
        "before the first commits"
    );
    one.client.batch_execute("commit").await?;
    assert_eq!(
        other.dequeue_many(10).await?.len(),
        0,
        "after the first committed"
    );
    Ok(())
}

/// Spec: DEQ-N9.
#[tokio::test]
async fn a_dequeue_is_exactly_one_commit() -> Result<()> {
    let cluster = Cluster::start(Options::default().set("autovacuum", "off")).await?;
    let session = Session::open(&cluster.database().await?).await?;
    session.trigger("test").await?;
    let (held, wal) = cluster.count_commits(session.dequeue()).await?;
    assert!(held?.is_some());
    assert_eq!(wal.commits, 1);
    session.check().await
}

/// Spec: PRI-1.
#[tokio::test]
async fn priority_moves_runs_ahead_and_holds_them_back() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    // The due time is moved instead of waiting for the run that is held back.
    let now = "'2026-01-01 00:00:00+00'";
    let mut runs = Vec::new();
    for priority_ms in [0, 500, -1200, 1000, 4000] {
        let arguments = format!("'test', priority_ms => {priority_ms}, queue_timestamp => {now}");
        runs.push(session.trigger_with(&arguments).await?.run_id);
    }
    let future = "update engine.queue_item set available_at = clock_timestamp() + interval '1 hour' where run_id = $1";
    session.client.execute(future, &[&runs[2]]).await?;
    for expected in [4, 3, 1, 0] {
        let held = session.dequeue().await?.map(|held| held.run_id);
        assert_eq!(held.as_ref(), Some(&runs[expected]));
    }
    assert_eq!(session.dequeue().await?, None);
    session.make_due(&runs[2]).await?;
    assert_eq!(
        session.dequeue().await?.map(|held| held.run_id),
        Some(runs[2].clone())
    );
    Ok(())
}

/// Spec: PRI-1.
#[tokio::test]
async fn a_negative_priority_makes_a_run_wait() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session
        .trigger_with("'test', priority_ms => -3600000")
        .await?;
    assert_eq!(session.dequeue().await?, None);
    assert_eq!(
        session
            .count("engine.queue_item where available_at > clock_timestamp() + interval '59 min'")
            .await?,
        1
    );
    Ok(())
}

/// Spec: PRI-2.
#[tokio::test]
async fn queue_timestamps_give_the_order() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let mut runs = Vec::new();
    runs.push(session.trigger("test").await?.run_id);
    for ms in [3000, 1000, 2000, 4000] {
        let arguments = format!("'test', queue_timestamp => to_timestamp({ms} / 1000.0)");
        runs.push(session.trigger_with(&arguments).await?.run_id);
    }
    for expected in [2, 3, 1, 4, 0] {
        let held = session.dequeue().await?.map(|held| held.run_id);
        assert_eq!(held.as_ref(), Some(&runs[expected]));
    }
    Ok(())
}

#[tokio::test]
async fn a_stray_item_of_a_finished_run_is_cleared_however_often_one_appears() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run_id = session.trigger("test").await?.run_id;
    let cancel = "select engine_cancel($1)";
    session.client.query_one(cancel, &[&run_id]).await?;
    let stray = "insert into engine.queue_item \
                 (shard, run_id, worker_queue, environment_id, queue, concurrency_key, available_at, is_ahead) \
                 select r.shard, r.id, r.worker_queue, r.environment_id, r.queue, '', r.created_at, true \
                 from engine.run as r where r.id = $1";
    for strays in 1..=3 {
        session.client.execute(stray, &[&run_id]).await?;
        assert_eq!(session.dequeue().await?, None);
        assert_eq!(session.count("engine.queue_item").await?, 0);
        let refused = session.count("engine.snapshot where transition = 'REFUSED'");
        assert_eq!(refused.await?, strays);
    }
    assert_eq!(session.count("engine_check()").await?, 0);
    Ok(())
}
