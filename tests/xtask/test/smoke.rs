//! The tests in which a major could differ, once more, on another major.

use std::fs;

use anyhow::Result;
use engine_harness::{Cluster, Options, Prefix, Size, Stock, Workspace, major, prepare, progress};

use super::Arguments;
use super::pool::Pool;
use super::program::{Plan, Test};
use super::verdict::{Counts, Verdict};

/// What callers see, the SQL of scripts and pages, and what the harness does with servers. The other tests look at the
/// library's own decisions, locks and programs, which are the same on every major.
const MEANT: [&str; 10] = [
    "scenario::",
    "crash::upgrade::",
    "integration::binding::",
    "integration::catalog::",
    "integration::harness::",
    "integration::privilege::",
    "integration::readme::",
    "integration::standby::",
    "integration::update::",
    "integration::wakeup::",
];

/// What became of them.
pub struct Smoke {
    pub verdicts: Vec<Verdict>,
    pub skipped: u64,
}

/// Runs those of the plan's tests that are meant, and has them upgrade from `older`. Where the major cannot be had they count as
/// skipped.
pub async fn run(
    workspace: &Workspace,
    plan: &Plan,
    older: &Prefix,
    arguments: &Arguments,
    size: Size,
    number: u32,
) -> Result<Smoke> {
    let tests: Vec<Test> = plan
        .tests
        .iter()
        .filter(|test| {
            MEANT
                .iter()
                .any(|meant| test.full_name().starts_with(meant))
        })
        .map(|test| test.on(number))
        .collect();
    let pg_config = match major::pg_config(workspace, number) {
        Ok(pg_config) => pg_config,
        Err(error) => {
            progress::say(format!(
                "PostgreSQL {number} cannot be had here: its {} tests are skipped\n{error:#}",
                tests.len()
            ));
            return Ok(Smoke {
                verdicts: Vec::new(),
                skipped: tests.len() as u64,
            });
        }
    };
    let prepared = prepare::prefix(Some(&pg_config), "test", arguments.profile())?;
    Cluster::sweep(&prepared.prefix)?;
    let stock = Stock::make(prepared.prefix.clone()).await?;
    let cluster = stock.start(Options::quick()).await?;
    let pool =
        Pool::new(&stock, &cluster, arguments, size).upgrading_from(&[older.base().to_owned()])?;
    let verdicts = pool.run(&Plan { tests, skipped: 0 }).await?;
    if Counts::of(&verdicts, 0).failed > 0 {
        let log = prepared.prefix.base().join("server.log");
        fs::copy(cluster.log(), &log)?;
        progress::say(format!("the log of that server is in {}", log.display()));
    }
    Ok(Smoke {
        verdicts,
        skipped: 0,
    })
}
