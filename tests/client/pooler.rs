//! Waiting behind a pooler in transaction mode: pgbouncer, which keeps a session of the server for no longer than a statement.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Result;
use engine_client::{Context, Dequeue, Engine, WorkerConfig};
use engine_harness::condition::eventually;
use engine_harness::{Database, Pooler, Prefix, Server, Session};
use serde_json::Value;
use tokio::time::timeout;

use crate::running::{PATIENCE, Running, config, finished, worker};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);

/// A database, a session with it, and the same database behind a pooler with two sessions.
async fn pooled() -> Result<(Session, Database, Pooler)> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let pooler = Pooler::start(&Server::shared()?, 2)?;
    let behind = pooler.database(&database);
    Ok((session, behind, pooler))
}

/// Returns once as many sessions of the database sleep in a call that waits.
async fn wait(session: &Session, count: i64) -> Result<()> {
    let waiting = "pg_stat_activity where datname = current_database() and wait_event_type = 'Extension' \
                   and query ~ 'engine_(wait|dequeue)' and pid <> pg_backend_pid()";
    eventually("so many wait", PATIENCE, async || {
        Ok(session.count(waiting).await? == count)
    })
    .await
}

#[tokio::test]
async fn a_wait_behind_a_pooler_ends_when_there_is_a_run_and_leaves_nothing() -> Result<()> {
    let (session, behind, _pooler) = pooled().await?;
    let (waiter, other) = (behind.connect().await?, behind.connect().await?);
    let settings = "select set_config('search_path', 'public', false)";
    other.simple_query(settings).await?;
    for _ in 0..3 {
        let call = async {
            waiter
                .batch_execute("call engine_wait(wait_ms => 60000)")
                .await?;
            Ok::<_, anyhow::Error>(Engine::new(&waiter).dequeue(&Dequeue::default()).await?)
        };
        let trigger = async {
            wait(&session, 1).await?;
            // The other session of the pool serves everybody else meanwhile.
            other.batch_execute("select 1").await?;
            session.trigger("t").await
        };
        let (dequeued, triggered) = tokio::join!(timeout(PATIENCE, call), trigger);
        let dequeued = dequeued??;
        assert_eq!(dequeued.len(), 1);
        assert_eq!(dequeued[0].run_id.as_str(), triggered?.run_id);
        for client in [&waiter, &other] {
            let left = "select current_user, count(*) from pg_prepared_statements where name <> ''";
            let rows = client.simple_query(left).await?;
            let row = rows.iter().find_map(|message| match message {
                engine_client::tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            });
            let row = row.map(|row| (row.get(0), row.get(1)));
            assert_eq!(row, Some((Some("postgres"), Some("0"))));
        }
    }
    session.check().await
}

#[tokio::test]
async fn a_dequeue_that_waits_behind_a_pooler_returns_the_run() -> Result<()> {
    let (session, behind, _pooler) = pooled().await?;
    let waiter = behind.connect().await?;
    let dequeue = Dequeue::default().wait(LONG);
    let engine = Engine::new(&waiter);
    let trigger = async {
        wait(&session, 1).await?;
        session.trigger("t").await
    };
    let (dequeued, triggered) = tokio::join!(timeout(PATIENCE, engine.dequeue(&dequeue)), trigger);
    let dequeued = dequeued??;
    assert_eq!(dequeued.len(), 1);
    assert_eq!(dequeued[0].run_id.as_str(), triggered?.run_id);
    session.check().await
}

#[tokio::test]
async fn a_client_that_leaves_while_it_waits_behind_a_pooler_takes_no_run() -> Result<()> {
    let (session, behind, _pooler) = pooled().await?;
    for call in [
        "call engine_wait(wait_ms => 60000)",
        "select run_id from engine_dequeue(wait_ms => 60000)",
    ] {
        // A process of its own, whose end nobody tells.
        let mut client = Command::new(Prefix::shared()?.program("psql"))
            .args(["-X", "-c", call, "-d", &behind.connection_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        wait(&session, 1).await?;
        client.kill()?;
        client.wait()?;
        wait(&session, 0).await?;
        session.trigger("t").await?;
        assert!(session.dequeue().await?.is_some(), "{call}");
    }
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_behind_a_pooler_waits_for_its_runs_and_stops_at_once() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let pooler = Pooler::start(&Server::shared()?, 5)?;
    let worker = worker(&pooler.database(&database))?
        .config(WorkerConfig {
            wait: LONG,
            ..config()
        })
        .task("double", |_: Context, number: Value| async move {
            Ok(number.as_i64().unwrap_or_default() * 2)
        });
    let running = Running::start(worker);
    for runs in 1..=3 {
        wait(&session, 1).await?;
        session.trigger_with("'double', '21'").await?;
        finished(&session, runs).await?;
    }
    wait(&session, 1).await?;
    timeout(PATIENCE, running.stop()).await??;
    wait(&session, 0).await?;
    let doubled = "engine.run_state where output = '42'";
    assert_eq!(session.count(doubled).await?, 3);
    session.check().await
}
