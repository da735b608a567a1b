//! `cargo xtask bench`: the engine beside what a client would do without it, in one run.

mod arguments;
mod blocked;
mod caller;
mod course;
mod delay;
mod dequeue;
mod figure;
mod flow;
mod growth;
mod guard;
mod horizon;
mod html;
mod lifecycle;
mod load;
mod machine;
mod measure;
mod meter;
mod nodes;
mod page;
mod peers;
mod plot;
mod proxy;
mod ratio;
mod report;
mod retention;
mod right;
mod sampler;
mod shard;
mod size;
mod statement;
mod stock;
mod storage;
mod suite;
mod table;
mod trial;
mod wait;
mod wake;
mod worker;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use engine_harness::{Cluster, Prefix, Profile, prepare, progress};
use rand::SeedableRng;
use rand::rngs::StdRng;

use self::arguments::{Arguments, Suite};
use self::report::{Chapter, Report};

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
    /// For servers beside it.
    prefix: Prefix,
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
        arguments.guard || !cfg!(debug_assertions),
        "an unoptimised load generator would take the CPU that it measures: `cargo xtask bench` builds it optimised"
    );
    prepare::let_server_read();
    let prepared = prepare::prefix(arguments.pg_config.as_deref(), "bench", Profile::Release)?;
    Cluster::sweep(&prepared.prefix)?;
    progress::say("starting a private server");
    let options = machine::options(!arguments.without_preloading)?;
    let cluster = Cluster::start_from(prepared.prefix.clone(), options).await?;
    let seed = arguments.seed.unwrap_or_else(rand::random);
    if arguments.guard {
        let records = arguments.record;
        let bench = Bench {
            arguments,
            cluster,
            prefix: prepared.prefix,
            order: StdRng::seed_from_u64(seed),
        };
        return guard::run(&bench, &prepared.workspace, records).await;
    }
    let mut report = Report::begin(&cluster, &prepared.workspace, seed).await?;
    let suites = match (arguments.suites.as_slice(), arguments.peers) {
        ([], true) => Vec::new(),
        (named, _) => Suite::chosen(named),
    };
    let mut bench = Bench {
        arguments,
        cluster,
        prefix: prepared.prefix,
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
