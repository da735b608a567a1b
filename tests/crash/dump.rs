//! A dump under load, and its restore.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use engine_harness::{Cluster, Session};

use crate::sweep::load::{DATABASE, Load, options, session};

/// Ends of runs before the dump.
const ENDS: usize = 100;

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {complaint}");
    Ok(())
}

/// A server without databases of its own, with the roles that the dump grants rights to, and nothing that ticks.
async fn empty() -> Result<Cluster> {
    let cluster = Cluster::start(options().set("shared_preload_libraries", "")).await?;
    let client = cluster.connect().await?;
    client
        .batch_execute("create role ticker login; create role reader")
        .await?;
    Ok(cluster)
}

fn dump_and_restore(from: &Cluster, snapshot: &str, to: &Cluster, file: &Path) -> Result<()> {
    run(Command::new(from.program("pg_dump"))
        .args([
            "--format=custom",
            "--create",
            "--snapshot",
            snapshot,
            "--file",
        ])
        .arg(file)
        .arg(from.server().connection_string(DATABASE)))?;
    run(Command::new(to.program("pg_restore"))
        .args(["--create", "--exit-on-error", "--dbname"])
        .arg(to.server().connection_string("postgres"))
        .arg(file))
}

/// What is set, and the last position that was drawn.
async fn settings(session: &Session) -> Result<(String, i64)> {
    let sql = "select current_setting('engine.max_batch'), (select last_value from engine.event_position)";
    let row = session.client.query_one(sql, &[]).await?;
    Ok((row.get(0), row.get(1)))
}

/// Dumps under load, and has the copy bring all its runs to their end.
pub async fn moves(cluster: &Cluster) -> Result<()> {
    let connection = cluster.server().connection_string(DATABASE);
    let mut load = Load::begin(cluster, &connection, rand::random()).await?;
    let setting = "alter database app set engine.max_batch = 777";
    cluster.connect().await?.batch_execute(setting).await?;
    load.until_ends(ENDS).await?;
    let one_moment = session(cluster.server()).await?;
    let begin = "begin isolation level repeatable read";
    one_moment.client.batch_execute(begin).await?;
    let snapshot = "select pg_export_snapshot()";
    let snapshot: String = one_moment.client.query_one(snapshot, &[]).await?.get(0);
    let contents = one_moment.contents().await?;
    let copy = empty().await?;
    let file = cluster.data().with_file_name("dump");
    tokio::task::block_in_place(|| dump_and_restore(cluster, &snapshot, &copy, &file))?;
    let (batch, position) = settings(&one_moment).await?;
    load.stop().await?;

    let copied = session(copy.server()).await?;
    assert_eq!(batch, "777");
    let (copied_batch, copied_position) = settings(&copied).await?;
    assert_eq!(copied_batch, batch);
    ensure!(copied_position <= position, "positions are drawn on");
    ensure!(copied.contents().await? == contents, "the copy differs");
    copied.check().await?;
    let connection = copy.server().connection_string(DATABASE);
    let mut load = Load::attach(&connection, rand::random())?;
    load.drain()?;
    Load::end_schedules(&copied).await?;
    load.until_finished(&copied).await?;
    copied.check().await?;
    load.stop().await
}
