//! `cargo xtask test`: every test, against one server that they share.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result};
use clap::Args;
use engine_harness::{
    Cluster, Options, PREFIX_VARIABLE, Profile, SERVER_VARIABLE, Sweep, progress,
};

use crate::prepare::{self, Prepared};

#[derive(Args)]
pub struct Arguments {
    /// Run only tests whose name contains one of these.
    filter: Vec<String>,

    /// Build the extension and the tests optimised.
    #[arg(long)]
    release: bool,

    /// For the test programs themselves, as in `-- --nocapture`.
    #[arg(last = true)]
    passed_on: Vec<String>,
}

pub async fn run(pg_config: Option<&Path>, arguments: Arguments) -> Result<ExitCode> {
    let profile = if arguments.release {
        Profile::Release
    } else {
        Profile::Dev
    };
    let prepared = prepare::prefix(pg_config, "test", profile)?;
    Cluster::sweep(&prepared.prefix)?;
    progress::say("starting a private server");
    let cluster = Cluster::start_from(prepared.prefix.clone(), Options::default()).await?;
    let mut counts = run_tests(&prepared, &cluster, &arguments)?;
    counts.failed += check_databases(&cluster).await?;
    if counts.failed > 0 {
        let log = prepared.prefix.base().join("server.log");
        fs::copy(cluster.log(), &log)?;
        progress::say(format!("the server's log is in {}", log.display()));
    }
    drop(cluster);
    println!(
        "{} passed, {} failed, {} skipped",
        counts.passed, counts.failed, counts.skipped
    );
    Ok(if counts.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whatever the tests did, what must always hold has to hold in their databases; gives in how many it does not.
async fn check_databases(cluster: &Cluster) -> Result<u64> {
    let sweep = Sweep::of(cluster.server()).await?;
    for (database, found) in &sweep.found {
        println!("engine_check in database {database}: FAILED");
        for violation in found {
            println!("    {violation}");
        }
    }
    println!(
        "engine_check: {} databases checked, {} of them failed, {} broken on purpose and left out",
        sweep.checked,
        sweep.found.len(),
        sweep.broken_on_purpose
    );
    Ok(sweep.found.len() as u64)
}

/// The extension itself has no tests outside a server.
fn run_tests(prepared: &Prepared, cluster: &Cluster, arguments: &Arguments) -> Result<Counts> {
    let mut cargo = prepared.workspace.cargo("test");
    cargo.args(["--workspace", "--exclude", "engine-ext", "--no-fail-fast"]);
    if arguments.release {
        cargo.arg("--release");
    }
    cargo
        .arg("--")
        .args(&arguments.filter)
        .args(&arguments.passed_on);
    cargo.env(SERVER_VARIABLE, cluster.server().socket());
    cargo.env(PREFIX_VARIABLE, prepared.prefix.base());
    let mut child = cargo
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let mut counts = Counts::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line?;
            println!("{line}");
            counts.add(&line);
        }
    }
    if !child.wait()?.success() && counts.failed == 0 {
        progress::say("a test program did not build or did not end in order: counted as failed");
        counts.failed = 1;
    }
    Ok(counts)
}

#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|result| result.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            match count
                .split_once(' ')
                .map(|(number, what)| (number.parse::<u64>(), what))
            {
                Some((Ok(number), "passed")) => self.passed += number,
                Some((Ok(number), "failed")) => self.failed += number,
                Some((Ok(number), "ignored")) => self.skipped += number,
                _ => {}
            }
        }
    }
}
