//! The work of `cargo xtask demo`, with its worker processes, while its server dies.

mod batch;
mod digest;
mod fleet;
mod listing;
mod verdict;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Options, Session};

use digest::Digest;
use fleet::{Fleet, Killed, Plan};
use listing::Listing;
use verdict::Verdict;

const FILES: usize = 60;

const PATIENCE: Duration = Duration::from_secs(60);

/// Fills a directory; returns the number of lines and words in it.
fn write_files(directory: &Path) -> Result<(u64, u64)> {
    let (mut lines, mut words) = (0, 0);
    for number in 0..FILES {
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
    let (lines, words) = write_files(directory.path())?;
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
    let mut fleet = Fleet::start(&plan, &database.connection_string())?;
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

    let verdict = Verdict::reach(&client, &listing, &runs).await?;
    verdict.result()?;
    assert_eq!(verdict.changed, 0);
    let sum =
        |digests: &[Digest], count: fn(&Digest) -> u64| digests.iter().map(count).sum::<u64>();
    assert_eq!(sum(&verdict.digests, |digest| digest.lines), lines);
    assert_eq!(sum(&verdict.digests, |digest| digest.words), words);
    Session { client }.check().await
}
