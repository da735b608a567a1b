//! The worker in plain SQL works as printed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use engine_harness::condition::eventually;
use engine_harness::{Database, Page, Prefix, Session};

const PATIENCE: Duration = Duration::from_secs(60);

/// The worker of the SQL reference, which runs a command for each run.
struct ShellWorker(Child);

impl ShellWorker {
    fn start(database: &Database, command: &str) -> Result<Self> {
        let page = Page::read("sql/README.md")?;
        let script = page.blocks_of("bash").pop().context("no worker")?.text;
        let psql = Prefix::shared()?.program("psql");
        let path = psql.parent().context("no directory")?;
        let path = format!("{}:{}", path.display(), std::env::var("PATH")?);
        let worker = Command::new("bash")
            .args([
                "-c",
                &script,
                "worker",
                &database.connection_string(),
                command,
            ])
            .env("PATH", path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start bash")?;
        Ok(Self(worker))
    }
}

impl Drop for ShellWorker {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn the_worker_of_the_readme_retries_and_completes() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session
        .trigger_with(r#"'add', run_id => 'r', payload => '{"n": "it''s"}', max_attempts => 2"#)
        .await?;
    let tried = tempfile::tempdir()?;
    // The first attempt fails.
    let command = format!("mkdir {0}/first && exit 1; cat", tried.path().display());
    let _worker = ShellWorker::start(&database, &command)?;
    eventually("the run is finished", PATIENCE, async || {
        Ok(session
            .count("engine.run_state where execution_status = 'FINISHED'")
            .await?
            == 1)
    })
    .await?;
    let sql =
        "select run_status::text, attempt_number, output::jsonb ->> 'n' from engine.run_state";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(
        (row.get::<_, &str>(0), row.get::<_, i32>(1), row.get(2)),
        ("COMPLETED_SUCCESSFULLY", 2, Some("it's"))
    );
    Ok(())
}

#[tokio::test]
async fn the_worker_of_the_readme_beats_and_stops_what_is_cancelled() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger_with("'long', run_id => 'r'").await?;
    let directory = tempfile::tempdir()?;
    let pid = directory.path().join("pid");
    let command = format!("echo $$ >{}; exec sleep 600", pid.display());
    let _worker = ShellWorker::start(&database, &command)?;
    let beats = "engine.heartbeat where deadline_at > acquired_at + interval_ms * interval '1 ms' + interval '4 s'";
    eventually("the worker beats", PATIENCE, async || {
        Ok(session.count(beats).await? == 1)
    })
    .await?;
    let pid: u32 = std::fs::read_to_string(pid)?.trim().parse()?;
    let process = Path::new("/proc").join(pid.to_string());
    assert!(process.exists());
    session.cancel("'r'").await?;
    let cancelled =
        "engine.run_state where run_status = 'CANCELED' and execution_status = 'FINISHED'";
    eventually("the run is cancelled", PATIENCE, async || {
        Ok(session.count(cancelled).await? == 1)
    })
    .await?;
    assert!(!process.exists(), "the command continues");
    Ok(())
}
