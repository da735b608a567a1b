//! Workers whose dequeues wait.

use std::time::Duration;

use anyhow::Result;
use engine_client::{Context, Dequeue, Engine, LinkConfig, WorkerConfig};
use engine_harness::condition::eventually;
use engine_harness::{Database, Session};
use serde_json::Value;
use tokio::time::timeout;

use crate::running::{PATIENCE, Running, config, finished, worker};

/// Sessions that wait for a run.
const WAITING: &str = "pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() \
     and state = 'active' and query like 'call engine_wait(%'";

pub(crate) fn waiting_config(wait: Duration) -> WorkerConfig {
    let link = LinkConfig {
        call_timeout: Duration::from_millis(500),
        ..LinkConfig::default()
    };
    WorkerConfig {
        wait,
        link,
        ..config()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dequeue_may_wait_for_longer_than_a_call_may_take() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let wait = Duration::from_secs(20);
    let worker = worker(&database)?
        .config(waiting_config(wait))
        .task("quick", |_: Context, _: Value| async move { Ok(()) });
    let running = Running::start(worker);
    eventually("a session has waited", PATIENCE, async || {
        let long = format!("{WAITING} and clock_timestamp() - query_start > interval '1500 ms'");
        Ok(session.count(&long).await? > 0)
    })
    .await?;
    assert_eq!(session.count(WAITING).await?, 1, "none was left behind");
    eventually("it holds nothing", PATIENCE, async || {
        let nothing = format!("{WAITING} and backend_xmin is null and backend_xid is null");
        Ok(session.count(&nothing).await? == 1)
    })
    .await?;
    session.trigger("quick").await?;
    finished(&session, 1).await?;
    running.stop().await?;
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_waits_stops_at_once() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let worker = worker(&database)?.config(waiting_config(Duration::from_secs(60)));
    let running = Running::start(worker);
    eventually("it waits", PATIENCE, async || {
        Ok(session.count(WAITING).await? == 1)
    })
    .await?;
    timeout(PATIENCE, running.stop()).await??;
    assert_eq!(session.count(WAITING).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_dropped_leaves_no_caller_waiting() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let worker = worker(&database)?.config(waiting_config(Duration::from_secs(60)));
    let running = tokio::spawn(worker.run(std::future::pending()));
    eventually("it waits", PATIENCE, async || {
        Ok(session.count(WAITING).await? == 1)
    })
    .await?;
    running.abort();
    eventually("no session waits any more", PATIENCE, async || {
        Ok(session.count(WAITING).await? == 0)
    })
    .await?;
    session.trigger("later").await?;
    let dequeued = Engine::new(&session.client)
        .dequeue(&Dequeue::default())
        .await?;
    assert_eq!(dequeued.len(), 1, "no worker has dequeued it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_ahead_of_the_update_works_after_it() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let install = "drop extension engine; create extension engine version '0.1.0'";
    session.client.batch_execute(install).await?;
    let worker = worker(&database)?
        .config(waiting_config(Duration::from_secs(20)))
        .task("quick", |_: Context, _: Value| async move { Ok(()) });
    let running = Running::start(worker);
    eventually("it was refused", PATIENCE, async || {
        let dequeued = "pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() \
                        and query like '%engine_dequeue(%'";
        Ok(session.count(dequeued).await? > 0)
    })
    .await?;
    let update = "alter extension engine update";
    session.client.batch_execute(update).await?;
    let session = Session::open(&database).await?;
    session.trigger("quick").await?;
    finished(&session, 1).await?;
    eventually("its timekeeper leads", PATIENCE, async || {
        Ok(crate::timekeeper::leaders(&session).await?.len() == 1)
    })
    .await?;
    running.stop().await?;
    session.check().await
}
