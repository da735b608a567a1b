//! `cargo xtask bench`: the engine beside what a client would do without it, in one run.

mod blocked;
mod caller;
mod claim;
mod course;
mod delay;
mod dequeue;
mod figure;
mod flow;
mod growth;
mod horizon;
mod html;
mod lifecycle;
mod load;
mod machine;
mod measure;
mod meter;
mod peers;
mod plot;
mod proxy;
mod report;
mod sampler;
mod size;
mod stock;
mod storage;
mod suite;
mod table;
mod trial;
mod wait;
mod wake;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use clap::builder::RangedU64ValueParser;
use engine_harness::{Cluster, Profile, prepare, progress};
use rand::SeedableRng;
use rand::rngs::StdRng;

use self::report::{Chapter, Report};
use self::suite::Suite;

/// Measures the engine beside what a client would do without it.
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Arguments {
    /// What to measure; everything where nothing is named.
    #[arg(value_enum, value_name = "SUITE")]
    suites: Vec<Suite>,

    /// Measure other queues in Postgres as well; alone where no suite is named. Installs them from their registries.
    #[arg(long)]
    peers: bool,

    /// Seconds that a trial takes; each suite has a default of its own.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,

    /// How many sessions work at a time; each number is measured.
    #[arg(long, value_name = "N", num_args = 1.., value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    clients: Vec<usize>,

    /// How often each variant is measured; each suite has a default of its own.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    repeat: Option<u64>,

    /// Repeats the order of an earlier command.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// The most runs that the suite `growth` fills in, for a quick look.
    #[arg(long, value_name = "N", env = "ENGINE_BENCH_ROWS_LIMIT")]
    rows_limit: Option<u64>,

    /// The pg_config of the PostgreSQL to build for and to run.
    #[arg(long, env = "PG_CONFIG", value_name = "PATH")]
    pg_config: Option<PathBuf>,
}

impl Arguments {
    fn seconds(&self, default: u64) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(default))
    }

    fn repeat(&self, default: u64) -> u64 {
        self.repeat.unwrap_or(default)
    }

    fn clients(&self, default: &[usize]) -> Vec<usize> {
        if self.clients.is_empty() {
            default.to_vec()
        } else {
            self.clients.clone()
        }
    }
}

/// What every suite works with.
struct Bench {
    arguments: Arguments,
    cluster: Cluster,
    order: StdRng,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    ensure!(
        !cfg!(debug_assertions),
        "an unoptimised load generator would take the CPU that it measures: `cargo xtask bench` builds it optimised"
    );
    prepare::let_server_read();
    let prepared = prepare::prefix(arguments.pg_config.as_deref(), "bench", Profile::Release)?;
    Cluster::sweep(&prepared.prefix)?;
    progress::say("starting a private server");
    let cluster = Cluster::start_from(prepared.prefix.clone(), machine::options()?).await?;
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let mut report = Report::begin(&cluster, &prepared.workspace, seed).await?;
    let suites = match (arguments.suites.as_slice(), arguments.peers) {
        ([], true) => Vec::new(),
        (named, _) => Suite::chosen(named),
    };
    let mut bench = Bench {
        arguments,
        cluster,
        order: StdRng::seed_from_u64(seed),
    };
    println!("{}", report.heading());
    for suite in suites {
        tell(&mut report, suite.measure(&mut bench).await?);
    }
    if bench.arguments.peers {
        progress::say("suite peers");
        tell(&mut report, peers::measure(&mut bench).await?);
    }
    for path in report.write(&prepared.workspace.target().join("bench"))? {
        progress::say(format!("written: {}", path.display()));
    }
    Ok(())
}

fn tell(report: &mut Report, chapter: Chapter) {
    println!("{}", table::chapter(&chapter));
    report.chapters.push(chapter);
}
