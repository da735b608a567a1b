//! `cargo xtask test`: every test, against one shared server; at the end, the duration of each part.

mod examples;
mod idle;
mod older;
mod part;
mod pool;
mod program;
mod report;
mod smoke;
mod verdict;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use engine_harness::{Cluster, Options, Profile, Size, Stock, Sweep, prepare, progress};

use self::examples::Examples;
use self::part::Parts;
use self::pool::Pool;
use self::program::Plan;
use self::report::Report;
use self::verdict::{Counts, Verdict};

#[derive(Args)]
pub struct Arguments {
    /// Run only tests whose name contains one of these.
    filter: Vec<String>,

    /// Build and run only this suite, such as `scenario`; may be repeated.
    #[arg(long, value_name = "NAME")]
    suite: Vec<String>,

    /// Build the extension and the tests optimised.
    #[arg(long)]
    release: bool,

    /// Fewest tests that run at a time [default: the number of cores]. More run while cores are idle.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    jobs: Option<u64>,

    /// Run the tests in which a major could differ on this one as well. Where it cannot be had they are skipped.
    #[arg(long, value_name = "MAJOR")]
    smoke: Option<u32>,

    /// For the test programs themselves, as in `-- --nocapture`.
    #[arg(last = true)]
    passed_on: Vec<String>,
}

impl Arguments {
    fn profile(&self) -> Profile {
        if self.release {
            Profile::Release
        } else {
            Profile::Dev
        }
    }
}

pub async fn run(pg_config: Option<&Path>, arguments: Arguments, size: Size) -> Result<ExitCode> {
    let profile = arguments.profile();
    let mut parts = Parts::begin();
    let prepared = prepare::prefix(pg_config, "test", profile)?;
    parts.end("building the extension");
    progress::say("building the tests");
    let plan = Plan::build(&prepared.workspace, &arguments, profile)?;
    parts.end("building the tests");
    let older = older::prepare(&prepared.workspace, &plan, profile, prepared.major)?;
    Cluster::sweep(&prepared.prefix)?;
    progress::say("starting a private server");
    let stock = Stock::make(prepared.prefix.clone()).await?;
    let cluster = stock.start(Options::quick()).await?;
    parts.end("starting the server");
    let pool = Pool::new(&stock, &cluster, &arguments, size).upgrading_from(&older)?;
    let examples = if arguments.suite.is_empty() {
        Some(Examples::start(&prepared.workspace, &arguments, profile)?)
    } else {
        None
    };
    let mut verdicts = pool.run(&plan).await?;
    parts.end("tests");
    let examples = match examples {
        Some(examples) => examples.finish().await?,
        None => Counts::default(),
    };
    parts.end("examples of the documentation, beside the tests and after them");
    let mut skipped = plan.skipped;
    if let Some(major) = arguments.smoke {
        let smoke = smoke::run(
            &prepared.workspace,
            &plan,
            &prepared.prefix,
            &arguments,
            size,
            major,
        )
        .await?;
        verdicts.extend(smoke.verdicts);
        skipped += smoke.skipped;
        parts.end("the tests of another major, and building the extension for it");
    }
    let mut counts = Counts::of(&verdicts, skipped);
    counts.add(&examples);
    counts.failed += tell_of_databases(&verdicts);
    if counts.failed > 0 {
        let log = prepared.prefix.base().join("server.log");
        fs::copy(cluster.log(), &log)?;
        progress::say(format!("the server's log is in {}", log.display()));
    }
    let report = Report {
        size,
        parts: &parts,
        verdicts: &verdicts,
        server_cpu: cluster.cpu_time(),
    };
    print!("{report}");
    drop(cluster);
    println!("{counts}");
    Ok(if counts.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whatever a test did, the invariants must hold in its databases; returns the number of databases in which they do not.
fn tell_of_databases(verdicts: &[Verdict]) -> u64 {
    let mut sweep = Sweep::default();
    for verdict in verdicts {
        sweep.add(verdict.sweep.clone());
    }
    println!(
        "engine_check: {} databases checked, {} of them failed, {} broken on purpose and left out",
        sweep.checked,
        sweep.found.len(),
        sweep.broken_on_purpose
    );
    sweep.found.len() as u64
}
