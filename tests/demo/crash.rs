//! The work of `cargo xtask demo`, with its worker processes, while its server dies.

mod bar;
mod batch;
mod digest;
mod fleet;
mod line;
mod listing;
mod nodes;
mod verdict;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use engine_harness::condition::eventually;
use engine_harness::progress::tell;
use engine_harness::{Cluster, Options, Session};

use digest::Digest;
use fleet::{Fleet, Killed, Plan};
use listing::Listing;
use verdict::Verdict;

const FILES: usize = 60;

/// Of the work of several nodes: enough that some is left in every scene.
const FILES_OF_NODES: usize = 240;

const PATIENCE: Duration = Duration::from_secs(60);

/// Fills a directory with `files`; returns the number of lines and words in it.
fn write_files(directory: &Path, files: usize) -> Result<(u64, u64)> {
    let (mut lines, mut words) = (0, 0);
    for number in 0..files {
        let name = match number {
            0 => OsStr::new("- a name\nof two lines").to_owned(),
            1 => OsStr::from_bytes(b"no text \xff").to_owned(),
            _ => format!("{number}").into(),
        };
        fs::write(directory.join(name), "two words\n".repeat(number))?;
        lines += number as u64;
        words += 2 * number as u64;
    }
    Ok((lines, words))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_of_the_server_in_the_middle_of_the_demo_loses_nothing() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (lines, words) = write_files(directory.path(), FILES)?;
    let listing = Listing::of(directory.path(), &[])?;
    assert_eq!((listing.files.len(), listing.unreadable), (FILES, 0));

    let mut cluster = Cluster::start(Options::default()).await?;
    let database = cluster.database().await?;
    let client = database.connect().await?;
    batch::set_heartbeats(&client, database.name()).await?;
    let plan = Plan {
        program: Path::new(env!("CARGO_BIN_EXE_engine-demo")),
        workers: 3,
        concurrency: 4,
        pause: Duration::from_millis(50),
        root: &listing.root,
    };
    let mut fleet = Fleet::start(&plan, &[database.connection_string()])?;
    let runs = batch::trigger(&client, &listing).await?;
    eventually("half of the runs are finished", PATIENCE, async || {
        let standing = batch::standing(&client).await?;
        Ok(standing.finished >= FILES / 2)
    })
    .await?;
    let mut killed = None;
    eventually("a worker is killed with runs", PATIENCE, async || {
        killed = fleet.kill_busiest(&client).await?;
        Ok(killed.is_some())
    })
    .await?;
    cluster.kill_9()?;
    cluster.restart()?;

    let client = database.connect().await?;
    let standing = batch::standing(&client).await?;
    assert!(standing.finished < FILES, "the server died too late");
    eventually("all runs are finished", PATIENCE, async || {
        fleet.check()?;
        Ok(batch::standing(&client).await?.finished == FILES)
    })
    .await?;
    let Killed { name, runs: held } = killed.context("no worker was killed")?;
    let recovered = batch::standing(&client).await?.recovered as i64;
    assert!(
        recovered >= held,
        "{name} held {held} runs, {recovered} were recovered"
    );
    fleet.stop().await?;

    let clients = [client];
    let verdict = Verdict::reach(&clients, &listing, &runs).await?;
    verdict.result()?;
    assert_eq!(verdict.changed, 0);
    let sum =
        |digests: &[Digest], count: fn(&Digest) -> u64| digests.iter().map(count).sum::<u64>();
    assert_eq!(sum(&verdict.digests, |digest| digest.lines), lines);
    assert_eq!(sum(&verdict.digests, |digest| digest.words), words);
    let [client] = clients;
    Session { client }.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_lose_and_double_nothing_while_a_shard_moves_and_one_of_them_dies() -> Result<()>
{
    let directory = tempfile::tempdir()?;
    write_files(directory.path(), FILES_OF_NODES)?;
    let listing = Listing::of(directory.path(), &[])?;
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(Cluster::start(nodes::options(Options::default())).await?);
    }
    let program = Path::new(env!("CARGO_BIN_EXE_engine-demo"));
    let plan = Plan {
        program,
        workers: 3,
        concurrency: 4,
        pause: Duration::from_millis(50),
        root: &listing.root,
    };
    let engine = program.with_file_name("engine");
    let played = nodes::play(servers, &plan, &listing, &engine).await?;
    tell(format!("{}", played.report));
    played.report.result()?;
    assert_eq!(played.report.verdict.digests.len(), FILES_OF_NODES);
    let places: Vec<usize> = played.report.nodes.iter().map(|node| node.1).collect();
    // Of six environments the first node had two, of which one went to the second.
    assert_eq!(places, [40, 120, 80]);
    for client in played.clients {
        Session { client }.check().await?;
    }
    Ok(())
}
