//! The ratio of the CPU times of two sessions that work in turns.

use std::time::Duration;

use anyhow::{Context, Result};
use engine_harness::{progress, session_cpu_time};
use tokio_postgres::Client;

use crate::figure::quantile;
use crate::load::Caller;

/// Turns of each session. The first quarter is a warm-up.
const TURNS: usize = 80;

/// How many calls a turn has, for calls of `batch` runs each: a turn takes some milliseconds.
pub(super) fn run_by_run(batch: usize) -> usize {
    (20 / batch).max(1)
}

/// The median CPU time per run of the session of `engine`, divided by that of `plain`. Each turn has `calls` calls.
pub(super) async fn compare(
    about: &str,
    plain: impl Caller,
    engine: impl Caller,
    calls: usize,
) -> Result<f64> {
    let mut plain = Metered::new(plain).await?;
    let mut engine = Metered::new(engine).await?;
    for turn in 0..TURNS {
        // Plans that were made for empty tables read all that is in them later.
        if [TURNS / 8, TURNS / 4].contains(&turn) {
            plain.caller.client().batch_execute("analyze").await?;
            plain.costs.clear();
            engine.costs.clear();
        }
        plain.turn(calls).await?;
        engine.turn(calls).await?;
    }
    let (plain, engine) = (plain.median(), engine.median());
    progress::say(format!(
        "{about}: {engine:.0} µs of CPU per run, {plain:.0} µs without the engine"
    ));
    Ok(engine / plain)
}

/// A session whose CPU time is read.
struct Metered<C> {
    caller: C,
    process: i32,
    /// CPU time per run of each turn, microseconds.
    costs: Vec<f64>,
}

impl<C: Caller> Metered<C> {
    async fn new(caller: C) -> Result<Self> {
        let process = process(caller.client()).await?;
        Ok(Self {
            caller,
            process,
            costs: Vec::new(),
        })
    }

    async fn turn(&mut self, calls: usize) -> Result<()> {
        let before = self.cpu_time()?;
        let mut runs = 0;
        for _ in 0..calls {
            runs += self.caller.call().await?;
        }
        let used = self.cpu_time()?.saturating_sub(before);
        if runs > 0 {
            self.costs.push(used.as_secs_f64() * 1e6 / runs as f64);
        }
        Ok(())
    }

    fn cpu_time(&self) -> Result<Duration> {
        session_cpu_time(self.process).context("the session has ended")
    }

    fn median(&mut self) -> f64 {
        self.costs.sort_by(f64::total_cmp);
        quantile(&self.costs, 0.5)
    }
}

async fn process(client: &Client) -> Result<i32> {
    let row = client.query_one("select pg_backend_pid()", &[]).await?;
    Ok(row.get(0))
}
