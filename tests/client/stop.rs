//! Handlers that are stopped: their runs were cancelled, moved on, or took too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use engine_client::{Cancel, Context, Engine, TaskOptions, Trigger};
use engine_harness::{Database, Session};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::running::{PATIENCE, Running, finished, outcome, worker};

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_takes_too_long_is_stopped_and_its_waits_do_not_count() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let options = TaskOptions {
        max_duration: Some(Duration::from_secs(1)),
        ..TaskOptions::default()
    };
    let waited = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&waited);
    let worker = worker(&database)?.task_with("long", options, move |ctx: Context, (): ()| {
        let count = Arc::clone(&count);
        async move {
            ctx.wait_for("longer", Duration::from_millis(1500)).await?;
            count.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
            Ok(())
        }
    });
    let running = Running::start(worker);
    let trigger = Trigger::new("long").payload(&())?.max_attempts(3);
    Engine::new(&session.client).trigger(&trigger).await?;
    finished(&session, 1).await?;
    running.stop().await?;
    let code = Some("MAX_DURATION_EXCEEDED".to_owned());
    assert_eq!(outcome(&session).await?, ("TIMED_OUT".to_owned(), 1, code));
    assert_eq!(waited.load(Ordering::SeqCst), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cancelled_stops_its_handler_with_the_next_beat() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.heartbeat_executing_ms", "600").await?;
    let session = Session::open(&database).await?;
    let started = Arc::new(Notify::new());
    let tell = Arc::clone(&started);
    let running = Running::start(
        worker(&database)?.task("stuck", move |_: Context, _: Value| {
            let tell = Arc::clone(&tell);
            async move {
                tell.notify_one();
                std::future::pending::<()>().await;
                Ok(())
            }
        }),
    );
    let run = session.trigger("stuck").await?;
    started.notified().await;
    let engine = Engine::new(&session.client);
    let cancelled = engine
        .cancel(&run.run_id.into(), &Cancel::default())
        .await?;
    assert!(!cancelled.already_finished);
    finished(&session, 1).await?;
    running.stop().await?;
    assert_eq!(outcome(&session).await?.0, "CANCELED");
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cancelled_between_two_beats_ends_with_its_handler() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let (started, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, released) = (Arc::clone(&started), Arc::clone(&release));
    let running = Running::start(
        worker(&database)?.task("work", move |_: Context, _: Value| {
            let (tell, released) = (Arc::clone(&tell), Arc::clone(&released));
            async move {
                tell.notify_one();
                released.notified().await;
                Ok(())
            }
        }),
    );
    let run = session.trigger("work").await?;
    started.notified().await;
    Engine::new(&session.client)
        .cancel(&run.run_id.into(), &Cancel::default())
        .await?;
    // The next beat is due in twenty seconds, and the deadline of a cancel is a minute.
    release.notify_one();
    let start = Instant::now();
    finished(&session, 1).await?;
    assert!(start.elapsed() < Duration::from_secs(10));
    running.stop().await?;
    assert_eq!(outcome(&session).await?.0, "CANCELED");
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_reaches_a_running_handler_long_before_the_next_beat() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let (started, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, over) = (Arc::clone(&started), Arc::clone(&dropped));
    let worker = worker(&database)?.task("stuck", move |ctx: Context, _: Value| {
        let (tell, over) = (Arc::clone(&tell), Arc::clone(&over));
        async move {
            let watcher = ctx.clone();
            tokio::spawn(async move {
                watcher.cancelled().await;
                over.notify_one();
            });
            tell.notify_one();
            std::future::pending::<()>().await;
            Ok(())
        }
    });
    let running = Running::start(worker);
    let engine = Engine::new(&session.client);
    let mut fastest = Duration::MAX;
    // A machine that is busy with other tests may be late, but not each time.
    for runs in 1..=3 {
        let run = session.trigger("stuck").await?;
        started.notified().await;
        let since = Instant::now();
        engine
            .cancel(&run.run_id.into(), &Cancel::default())
            .await?;
        timeout(PATIENCE, dropped.notified()).await?;
        fastest = fastest.min(since.elapsed());
        finished(&session, runs).await?;
    }
    running.stop().await?;
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");
    session.check().await
}

#[tokio::test]
async fn a_check_returns_the_runs_that_moved_on_and_no_others() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let engine = Engine::new(&session.client);
    let mut held = Vec::new();
    for _ in 0..3 {
        let run = engine.trigger(&Trigger::new("t")).await?;
        held.push((run.run_id, run.snapshot_id.expect("it is there")));
    }
    assert_eq!(engine.moved(&held).await?, []);
    assert_eq!(engine.moved(&[]).await?, []);
    engine.cancel(&held[1].0, &Cancel::default()).await?;
    assert_eq!(engine.moved(&held).await?, [held[1].0.clone()]);
    held.push(("nope".into(), "nope".into()));
    assert_eq!(engine.moved(&held).await?.len(), 2);
    Ok(())
}
