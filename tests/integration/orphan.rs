//! A session that waits for a run, and whose client is gone, takes none, and prevents no other session from taking it.

use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use engine_harness::condition::{backend_pid, eventually};
use engine_harness::{Database, Prefix, Session};

use crate::wakeup::{PATIENCE, WOKEN, median, preloaded, sleeper};

/// The statements that wait.
const WAITS: [&str; 2] = [
    "select run_id from engine_dequeue(wait_ms => 60000)",
    "call engine_wait(wait_ms => 60000)",
];

/// A client of its own process whose statement waits.
struct Waiting {
    client: Child,
    backend: i32,
}

impl Waiting {
    async fn begin(database: &Database, observer: &Session, statement: &str) -> Result<Self> {
        let client = Command::new(Prefix::shared()?.program("psql"))
            .args(["-X", "-c", statement, "-d", &database.connection_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start psql")?;
        let sql = "select pid from pg_stat_activity where datname = current_database() \
                   and application_name = 'psql' and wait_event_type = 'Extension'";
        let mut backend = 0;
        eventually("the client's statement waits", PATIENCE, async || {
            let found = observer.client.query_opt(sql, &[]).await?;
            backend = found.as_ref().map_or(0, |row| row.get(0));
            Ok(found.is_some())
        })
        .await?;
        Ok(Self { client, backend })
    }

    fn kill_9(&mut self) -> Result<()> {
        self.client.kill()?;
        self.client.wait()?;
        Ok(())
    }

    async fn is_gone(&self, observer: &Session) -> Result<()> {
        eventually("the session has ended", PATIENCE, async || {
            let session = format!("pg_stat_activity where pid = {}", self.backend);
            Ok(observer.count(&session).await? == 0)
        })
        .await
    }
}

async fn claims_nothing(database: &Database) -> Result<()> {
    let session = Session::open(database).await?;
    for statement in WAITS {
        let mut waiting = Waiting::begin(database, &session, statement).await?;
        waiting.kill_9()?;
        let run = session.trigger("test").await?.run_id;
        waiting.is_gone(&session).await?;
        let held = session.dequeue().await?.context(statement)?;
        assert_eq!(held.run_id, run, "{statement}");
    }
    session.check().await
}

#[tokio::test]
async fn a_session_whose_client_was_killed_dequeues_nothing() -> Result<()> {
    claims_nothing(&Database::fresh().await?).await
}

#[tokio::test]
async fn a_session_with_a_bell_whose_client_was_killed_dequeues_nothing() -> Result<()> {
    let cluster = preloaded().await?;
    claims_nothing(&cluster.database().await?).await
}

#[tokio::test]
async fn a_session_whose_client_was_killed_goes_without_a_run_to_wake_it() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    for statement in WAITS {
        let mut waiting = Waiting::begin(&database, &session, statement).await?;
        waiting.kill_9()?;
        waiting.is_gone(&session).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_bell_that_rings_for_a_lost_client_rings_for_the_next() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    let mut waited = Vec::new();
    for turn in 0..9 {
        // Which waiter is woken first is arbitrary: most of them are gone.
        let mut gone = Vec::new();
        for _ in 0..3 {
            let statement = WAITS[turn % 2];
            let other = Session::open(&database).await?;
            let pid = backend_pid(&other.client).await?;
            let call = tokio::spawn(async move { other.client.execute(statement, &[]).await });
            gone.push((pid, call));
        }
        let dequeue = sleeper(&database, "main").await?;
        for (pid, call) in gone {
            let end = "select pg_terminate_backend($1, 5000)";
            session.client.query_one(end, &[&pid]).await?;
            call.await?.err().context("it was not ended")?;
        }
        let run = session.trigger("test").await?.run_id;
        let committed = Instant::now();
        assert_eq!(dequeue.await??, [run]);
        waited.push(committed.elapsed());
    }
    let waited = median(waited);
    assert!(waited < WOKEN, "{waited:?}");
    session.check().await
}

#[tokio::test]
async fn a_bell_that_rings_for_a_client_that_was_killed_rings_for_the_next() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    let mut waited = Vec::new();
    for turn in 0..9 {
        let mut waiting = Waiting::begin(&database, &session, WAITS[turn % 2]).await?;
        let dequeue = sleeper(&database, "main").await?;
        waiting.kill_9()?;
        let run = session.trigger("test").await?.run_id;
        let committed = Instant::now();
        assert_eq!(dequeue.await??, [run]);
        waited.push(committed.elapsed());
        waiting.is_gone(&session).await?;
    }
    let waited = median(waited);
    assert!(waited < WOKEN, "{waited:?}");
    session.check().await
}
