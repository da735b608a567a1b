//! `cargo xtask demo`: real work on real input, with a worker killed half-way, or over several servers of which one is killed.

mod arguments;
mod bar;
mod batch;
mod digest;
mod fleet;
mod host;
mod line;
mod listing;
mod nodes;
mod report;
mod several;
mod timeline;
mod verdict;
mod watch;
mod worker;

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use engine_client::shutdown_signal;
use engine_harness::{Cluster, PgConfig, Prefix, Profile, Wal, Workspace, prepare, progress};

use self::arguments::{Arguments, Command};
use self::bar::Bar;
use self::fleet::{Fleet, Plan};
use self::host::Host;
use self::listing::Listing;
use self::report::Report;
use self::timeline::Timeline;
use self::verdict::Verdict;

/// Names the private prefix.
const PURPOSE: &str = "demo";

const WORKERS: usize = 3;
const CONCURRENCY: usize = 4;

/// How long a directory of a few hundred files should keep the workers busy: long enough to watch.
const SHOW: Duration = Duration::from_secs(4);

/// The same for several nodes, of which one dies.
const LONG_SHOW: Duration = Duration::from_secs(15);

/// Additional time per run. The worker holds its runs long enough to be killed with them.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Some(Command::Work(worker)) => worker::run(worker).await,
        None => run(arguments).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    prepare::let_server_read();
    let pg_config = arguments.pg_config.as_deref();
    let workspace = Workspace::find()?;
    if arguments.stop {
        let pg = PgConfig::find_or_install(pg_config)?;
        let was_running = host::remove_kept(Prefix::lay(&workspace, &pg, PURPOSE)?)?;
        progress::say(if was_running {
            "the server has stopped"
        } else {
            "no server runs"
        });
        return Ok(());
    }
    let listing = list(&workspace, arguments.directory.as_deref())?;
    if listing.files.is_empty() {
        progress::say("nothing to do");
        return Ok(());
    }
    let prepared = prepare::prefix(pg_config, PURPOSE, Profile::Dev)?;
    Cluster::sweep(&prepared.prefix)?;
    tokio::select! {
        // First, so that from the start of the server on a signal ends in order.
        biased;
        () = shutdown_signal() => bail!("interrupted: workers and server have stopped"),
        shown = show(prepared.prefix, &workspace, &listing, &arguments) => shown,
    }
}

fn list(workspace: &Workspace, directory: Option<&Path>) -> Result<Listing> {
    let checkout = workspace.root();
    let directory = directory.unwrap_or(checkout);
    // The server writes below the target directory.
    let mut excluded = vec![workspace.target().to_owned()];
    if directory.canonicalize().ok() == checkout.canonicalize().ok() {
        excluded.extend([checkout.join(".git"), checkout.join("target")]);
    }
    let listing = Listing::of(directory, &excluded)?;
    let (files, root) = (listing.files.len(), listing.root.display());
    progress::say(format!("files in {root}: {files}"));
    if listing.unreadable > 0 {
        let unreadable = listing.unreadable;
        progress::say(format!("unreadable and skipped: {unreadable}"));
    }
    Ok(listing)
}

/// Starts everything, lets the runs finish, and prints the result.
async fn show(
    prefix: Prefix,
    workspace: &Workspace,
    listing: &Listing,
    arguments: &Arguments,
) -> Result<()> {
    let program = env::current_exe().context("cannot find this program")?;
    let plan = |show| Plan {
        program: &program,
        workers: WORKERS,
        concurrency: CONCURRENCY,
        pause: pause(listing.files.len(), show),
        root: &listing.root,
    };
    if let Some(count) = arguments.nodes {
        return several::show(prefix, workspace, listing, count, &plan(LONG_SHOW)).await;
    }
    progress::say("starting a private server");
    let host = Host::start(prefix, arguments.keep).await?;
    let shown = work(&host, listing, &plan(SHOW)).await;
    if arguments.keep {
        println!("\nThe server keeps running; `cargo xtask demo --stop` ends it. To look around:");
        println!("psql \"{}\"", host.connection_string());
        host.keep();
    }
    shown
}

async fn work(host: &Host, listing: &Listing, plan: &Plan<'_>) -> Result<()> {
    let client = host.connect().await?;
    let mut fleet = Fleet::start(plan, &[host.connection_string()])?;
    // Keeps the WAL of the whole demo, and goes when this connection ends.
    client
        .batch_execute("select pg_create_physical_replication_slot('demo', true, true)")
        .await?;
    let (started, wal_start) = (Instant::now(), Wal::position(&client).await?);
    let runs = batch::trigger(&client, listing).await?;
    let mut bar = Bar::new(runs.len())?;
    bar.say(&format!(
        "runs triggered: {}; {WORKERS} worker processes execute {CONCURRENCY} at once each",
        runs.len()
    ));
    let (killed, standing) = watch::to_the_end(&client, &mut fleet, &mut bar, runs.len()).await?;
    let elapsed = started.elapsed();
    let wal_end = Wal::readable_position(&client).await?;
    bar.end();
    fleet.stop().await?;

    progress::say("comparing with sha256sum");
    let clients = [client];
    let verdict = Verdict::reach(&clients, listing, &runs).await?;
    let report = Report {
        runs: runs.len(),
        standing,
        commits: host.wal.commits_between(wal_start, wal_end)?,
        elapsed,
        pause: plan.pause,
        killed: &killed,
        verdict: &verdict,
    };
    println!("\n{report}\n{}", Timeline::of_slowest(&clients).await?);
    verdict.result()?;
    ensure!(
        standing.recovered > 0,
        "no stall was recovered; runs that {} held when it was killed: {}",
        killed.name,
        killed.runs
    );
    println!("\nAll is as it must be.");
    Ok(())
}

fn pause(files: usize, show: Duration) -> Duration {
    let at_once = u32::try_from(WORKERS * CONCURRENCY).unwrap_or(u32::MAX);
    let files = u32::try_from(files).unwrap_or(u32::MAX).max(1);
    (show * at_once / files).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}
