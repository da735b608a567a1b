//! Workers that drain: handlers that outlast it, wait in it, or release their runs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use engine_client::{Context, Engine, Trigger, WorkerConfig};
use engine_harness::condition::eventually;
use engine_harness::{Database, Session};
use tokio::sync::Notify;

use crate::running::{PATIENCE, Running, config, finished, outcome, worker};

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_outlasts_the_drain_leaves_its_run_to_another_worker() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let started = Arc::new(Notify::new());
    let tell = Arc::clone(&started);
    let hasty = WorkerConfig {
        drain_timeout: Duration::from_millis(100),
        ..config()
    };
    let stuck = move |_: Context, (): ()| {
        let tell = Arc::clone(&tell);
        async move {
            tell.notify_one();
            std::future::pending::<()>().await;
            Ok(())
        }
    };
    let running = Running::start(worker(&database)?.config(hasty).task("work", stuck));
    let trigger = Trigger::new("work").payload(&())?.max_attempts(2);
    Engine::new(&session.client).trigger(&trigger).await?;
    started.notified().await;
    running.stop().await?;
    eventually("the run is queued again", PATIENCE, async || {
        Ok(session.count("engine.queue_item").await? == 1)
    })
    .await?;
    // At once, and without using up an attempt.
    let fresh = "engine.run_state as s join engine.queue_item as i using (shard, run_id) \
                 where s.released_attempts = s.attempt_number and i.available_at <= now()";
    assert_eq!(session.count(fresh).await?, 1);
    assert_eq!(session.count("engine.slot").await?, 0, "nothing stalls");
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_waits_when_the_drain_ends_comes_again() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let hasty = WorkerConfig {
        drain_timeout: Duration::from_millis(100),
        ..config()
    };
    let running = Running::start(worker(&database)?.config(hasty).task(
        "work",
        |ctx: Context, (): ()| async move {
            ctx.wait_for("long", Duration::from_secs(3600)).await?;
            Ok(())
        },
    ));
    let trigger = Trigger::new("work").payload(&())?.max_attempts(2);
    Engine::new(&session.client).trigger(&trigger).await?;
    eventually("the run waits", PATIENCE, async || {
        let waits = "engine.run_state where execution_status = 'EXECUTING_WITH_WAITPOINTS'";
        Ok(session.count(waits).await? == 1)
    })
    .await?;
    running.stop().await?;
    assert_eq!(session.count("engine.queue_item").await?, 1);
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefetched_run_that_does_not_start_before_the_drain_ends_is_released() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let hasty = WorkerConfig {
        concurrency: 1,
        prefetch: 3,
        drain_timeout: Duration::from_millis(100),
        ..config()
    };
    let running = Running::start(worker(&database)?.config(hasty).task(
        "stuck",
        |_: Context, (): ()| async move {
            std::future::pending::<()>().await;
            Ok(())
        },
    ));
    for _ in 0..4 {
        let trigger = Trigger::new("stuck").payload(&())?.max_attempts(1);
        Engine::new(&session.client).trigger(&trigger).await?;
    }
    eventually("all runs are held", PATIENCE, async || {
        let started = "engine.run_state where execution_status = 'EXECUTING'";
        let held = session.count("engine.heartbeat").await?;
        Ok(held == 4 && session.count(started).await? == 1)
    })
    .await?;
    running.stop().await?;
    assert_eq!(session.count("engine.queue_item").await?, 4);
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_releases_its_run_without_using_up_an_attempt() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let running = Running::start(worker(&database)?.task(
        "shy",
        |ctx: Context, (): ()| async move {
            match ctx.attempt_number() {
                1 | 2 => Err(ctx.release()),
                number => Ok(number),
            }
        },
    ));
    let trigger = Trigger::new("shy").payload(&())?.max_attempts(1);
    Engine::new(&session.client).trigger(&trigger).await?;
    finished(&session, 1).await?;
    running.stop().await?;
    let expected = ("COMPLETED_SUCCESSFULLY".to_owned(), 3, None);
    assert_eq!(outcome(&session).await?, expected);
    session.check().await
}
