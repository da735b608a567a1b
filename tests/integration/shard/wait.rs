//! Calls that wait for runs when a shard is set.

use std::time::Duration;

use anyhow::{Context as _, Result};
use engine_harness::condition::{backend_pid, eventually};
use engine_harness::{Database, Session};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{open, set};
use crate::wakeup::{PATIENCE, preloaded};

/// A call that waits for a minute, in a session of its own: its SQLSTATE, or the number of its rows.
type Waiter = JoinHandle<Result<Result<usize, String>>>;

/// Returns once the call sleeps.
async fn waiter(database: &Database, call: &str) -> Result<Waiter> {
    let (session, observer) = (
        Session::open(database).await?,
        Session::open(database).await?,
    );
    let pid = backend_pid(&session.client).await?;
    let sql = call.to_owned();
    let waiter = tokio::spawn(async move {
        match session.client.query(&sql, &[]).await {
            Ok(rows) => Ok(Ok(rows.len())),
            Err(error) => {
                let error = error.as_db_error().context("the server is gone")?;
                Ok(Err(error.code().code().to_owned()))
            }
        }
    });
    eventually("the call sleeps", PATIENCE, async || {
        let sleeping = "pg_stat_activity where wait_event_type = 'Extension' and pid =";
        Ok(observer.count(&format!("{sleeping} {pid}")).await? == 1)
    })
    .await?;
    Ok(waiter)
}

const THERE: [&str; 3] = [
    "select run_id from engine_dequeue(environment_id => 'there', wait_ms => 60000)",
    "select run_id from engine_work(environment_id => 'there', wait_ms => 60000)",
    "call engine_wait(environment_id => 'there', wait_ms => 60000)",
];

const ANYWHERE: [&str; 2] = [
    "select run_id from engine_dequeue(wait_ms => 60000)",
    "call engine_wait(wait_ms => 60000)",
];

const HERE: &str = "select run_id from engine_dequeue(environment_id => 'here', wait_ms => 60000)";

async fn waiters_end(database: &Database, patience: Duration) -> Result<()> {
    let session = open(database).await?;
    let here = "select engine_set_environment('here', shard => 1)";
    session.client.batch_execute(here).await?;
    for (state, code) in [("MOVING", "RE021"), ("AWAY", "RE020")] {
        let mut there = Vec::new();
        for call in THERE {
            there.push(waiter(database, call).await?);
        }
        let mut anywhere = Vec::new();
        for call in ANYWHERE {
            anywhere.push(waiter(database, call).await?);
        }
        let other = waiter(database, HERE).await?;
        set(&session, state).await?;
        for waiter in there {
            assert_eq!(timeout(patience, waiter).await???, Err(code.to_owned()));
        }
        for waiter in anywhere {
            assert_eq!(timeout(patience, waiter).await???, Ok(0));
        }
        session
            .trigger_with("'t', environment_id => 'here'")
            .await?;
        assert_eq!(timeout(PATIENCE, other).await???, Ok(1));
        set(&session, "SERVING").await?;
    }
    session.check().await
}

#[tokio::test]
async fn who_waits_for_runs_of_a_shard_is_told_when_it_is_moved() -> Result<()> {
    waiters_end(&Database::fresh().await?, PATIENCE).await
}

#[tokio::test]
async fn who_waits_for_a_bell_is_told_at_once_when_a_shard_is_moved() -> Result<()> {
    let cluster = preloaded().await?;
    // Without the bell some of them would look once a second at most.
    waiters_end(&cluster.database().await?, Duration::from_millis(900)).await
}
