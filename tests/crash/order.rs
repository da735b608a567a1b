//! The example `order`, while its worker and its server die.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Database, Options, Session};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

const PATIENCE: Duration = Duration::from_secs(60);

/// 10 + 20 + … + 500.
const TOTAL: &str = "12750";

/// The example, which `cargo test` builds with the tests.
fn example() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test.parent().and_then(|deps| deps.parent());
    let example = profile.context("no profile")?.join("examples/order");
    ensure!(example.exists(), "{} is not built", example.display());
    Ok(example)
}

fn work(database: &Database) -> Result<Child> {
    let child = Command::new(example()?)
        .args(["work", &database.connection_string()])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    child.context("cannot start the worker")
}

/// Runs another command of the example; returns its output.
async fn call(arguments: &[&str]) -> Result<String> {
    let output = Command::new(example()?).args(arguments).output().await?;
    ensure!(output.status.success(), "{arguments:?}: {output:?}");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

async fn kill_9(mut worker: Child) -> Result<()> {
    let pid = worker.id().context("it has ended")?;
    kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGKILL)?;
    worker.wait().await?;
    Ok(())
}

/// Execution status and run status of a run, and how many of its children have ended.
async fn standing(session: &Session, run_id: &str) -> Result<(String, String, i64)> {
    let (execution, run) = session.status(run_id).await?;
    let ended = format!(
        "engine.run as r join engine.run_state as s on s.run_id = r.id \
         where r.parent_run_id = '{run_id}' and s.execution_status = 'FINISHED'"
    );
    Ok((execution, run, session.count(&ended).await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_survives_its_worker_and_its_server() -> Result<()> {
    let mut cluster = Cluster::start(Options::default()).await?;
    let database = cluster.database().await?;
    for setting in [
        "engine.heartbeat_pending_executing_ms",
        "engine.heartbeat_executing_ms",
        "engine.heartbeat_executing_with_waitpoints_ms",
    ] {
        database.set(setting, "2s").await?;
    }
    database.set("engine.queue_backoff_max_ms", "100").await?;
    let session = Session::open(&database).await?;
    let connection = database.connection_string();
    let late = call(&["place", &connection, "500"]).await?;
    let order = call(&["place", &connection]).await?;

    // Its worker dies while the order waits for a person: no one notices, since the order has no process.
    let worker = work(&database)?;
    eventually("the order waits for approval", PATIENCE, async || {
        Ok(standing(&session, &order).await?.0 == "SUSPENDED")
    })
    .await?;
    ensure!(session.count("engine.slot").await? <= 1, "it holds a slot");
    kill_9(worker).await?;
    call(&["approve", &connection, &order]).await?;
    let (execution, ..) = standing(&session, &order).await?;
    assert_eq!(execution, "QUEUED");

    // The next one dies while the order waits for its items; and then the server does.
    let worker = work(&database)?;
    eventually("some items are priced", PATIENCE, async || {
        Ok(standing(&session, &order).await?.2 >= 10)
    })
    .await?;
    kill_9(worker).await?;
    cluster.kill_9()?;
    cluster.restart()?;
    let session = Session::open(&database).await?;
    let (execution, _, ended) = standing(&session, &order).await?;
    assert_eq!(execution, "EXECUTING_WITH_WAITPOINTS");
    ensure!((10..50).contains(&ended), "{ended} items had been priced");

    let mut worker = work(&database)?;
    eventually("the orders have ended", PATIENCE, async || {
        ensure!(worker.try_wait()?.is_none(), "the worker has ended");
        let running = "engine.run_state where execution_status <> 'FINISHED'";
        Ok(session.count(running).await? == 0)
    })
    .await?;
    let sql = "select run_status::text, output, error #>> '{raw}', attempt_number from engine.run_state where run_id = $1";
    let row = session.client.query_one(sql, &[&order]).await?;
    assert_eq!(row.get::<_, &str>(0), "COMPLETED_SUCCESSFULLY");
    assert_eq!(row.get::<_, &str>(1), TOTAL);
    assert!(row.get::<_, i32>(3) > 1, "its worker died");
    let row = session.client.query_one(sql, &[&late]).await?;
    assert_eq!(row.get::<_, &str>(0), "COMPLETED_WITH_ERRORS");
    assert_eq!(row.get::<_, &str>(2), "not approved in time");
    assert_eq!(
        session.count("engine.run").await?,
        52,
        "no item is priced twice"
    );
    assert_eq!(
        session
            .count("engine.batch where status = 'COMPLETED'")
            .await?,
        1
    );
    session.check().await
}
