//! `pg_dump` beside a sweep: what it writes is the database of one moment.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use engine_harness::{Cluster, Database, Options, Scale, Session};
use serde_json::json;

const DUMPS: Scale = Scale::new("dumps", 2, 20);

/// Has families of runs begin, end and be removed until it is told to stop; returns how many were removed.
async fn live(database: Database, stop: Arc<AtomicBool>) -> Result<i32> {
    let session = Session::open(&database).await?;
    let mut removed = 0;
    while !stop.load(Ordering::SeqCst) {
        session.trigger("parent").await?;
        let parent = session.take().await?;
        let child = format!(
            "'child', parent_run_id => '{}', resume_parent => true",
            parent.run_id
        );
        session.trigger_with(&child).await?;
        session.end_next().await?;
        removed += session.sweep().await?;
        let parent = session.latest(&parent).await?;
        session.complete(&parent, json!({"ok": true})).await?;
        removed += session.sweep().await?;
    }
    Ok(removed)
}

/// Copies a database by a dump into another one.
fn copy(cluster: &Cluster, from: &str, to: &str) -> Result<()> {
    let dump: PathBuf = cluster.data().with_file_name("dump.sql");
    run(Command::new(cluster.program("pg_dump"))
        .arg(from)
        .stdout(File::create(&dump)?))?;
    run(Command::new(cluster.program("psql"))
        .args(["-q", "-v", "ON_ERROR_STOP=1", "-d", to, "-f"])
        .arg(&dump)
        .stdout(Stdio::null()))
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_is_taken_while_runs_are_removed_has_all_of_each_run_or_nothing() -> Result<()>
{
    let cluster = Cluster::start(Options::quick()).await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    session.run_of_every_kind().await?;
    let policy = "select engine_set_retention(keep => '0')";
    session.client.batch_execute(policy).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let living = tokio::spawn(live(database.clone(), Arc::clone(&stop)));
    for number in 0..DUMPS.pick() {
        let name = format!("copy_{number}");
        let create = format!("create database {name}");
        cluster.connect().await?.batch_execute(&create).await?;
        let to = cluster.server().connection_string(&name);
        tokio::task::block_in_place(|| copy(&cluster, &database.connection_string(), &to))?;
        let copied = Session {
            client: cluster.server().connect(&name).await?,
        };
        copied.check().await?;
        copied.sweep().await?;
        copied.check().await?;
    }
    stop.store(true, Ordering::SeqCst);
    let removed = living.await??;
    ensure!(removed > 0, "nothing was removed meanwhile");
    println!("{removed} runs were removed meanwhile");
    session.check().await
}
