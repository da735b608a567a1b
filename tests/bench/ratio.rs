//! The ratios of CPU and time of two sessions that work in turns.

use std::time::{Duration, Instant};

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

/// What a run of the one session is to a run of the other, by the medians of their turns.
pub(super) struct Ratio {
    pub(super) cpu: f64,
    pub(super) time: f64,
}

/// Compares the session of `measured` with that of `base`. Each turn has `calls` calls.
pub(super) async fn compare(
    about: &str,
    base: impl Caller,
    measured: impl Caller,
    calls: usize,
) -> Result<Ratio> {
    let mut base = Metered::new(base).await?;
    let mut measured = Metered::new(measured).await?;
    for turn in 0..TURNS {
        // Plans that were made for empty tables read all that is in them later.
        if [TURNS / 8, TURNS / 4].contains(&turn) {
            base.analyze().await?;
            measured.analyze().await?;
        }
        base.turn(calls).await?;
        measured.turn(calls).await?;
    }
    let (base, measured) = (base.median(), measured.median());
    progress::say(format!(
        "{about}: {:.0} µs of CPU per run, beside {:.0} µs",
        measured.cpu, base.cpu
    ));
    Ok(Ratio {
        cpu: measured.cpu / base.cpu,
        time: measured.time / base.time,
    })
}

/// What a run takes, in microseconds.
#[derive(Clone, Copy)]
struct Cost {
    cpu: f64,
    time: f64,
}

/// A session whose CPU time is read.
struct Metered<C> {
    caller: C,
    process: i32,
    /// Of each turn.
    costs: Vec<Cost>,
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

    /// What was measured before does not count.
    async fn analyze(&mut self) -> Result<()> {
        self.caller.client().batch_execute("analyze").await?;
        self.costs.clear();
        Ok(())
    }

    async fn turn(&mut self, calls: usize) -> Result<()> {
        let (before, start) = (self.cpu_time()?, Instant::now());
        let mut runs = 0;
        for _ in 0..calls {
            runs += self.caller.call().await?;
        }
        let time = start.elapsed();
        let used = self.cpu_time()?.saturating_sub(before);
        if runs > 0 {
            let per_run = |time: Duration| time.as_secs_f64() * 1e6 / runs as f64;
            self.costs.push(Cost {
                cpu: per_run(used),
                time: per_run(time),
            });
        }
        Ok(())
    }

    fn cpu_time(&self) -> Result<Duration> {
        session_cpu_time(self.process).context("the session has ended")
    }

    fn median(&self) -> Cost {
        let median = |of: fn(&Cost) -> f64| {
            let mut costs: Vec<f64> = self.costs.iter().map(of).collect();
            costs.sort_by(f64::total_cmp);
            quantile(&costs, 0.5)
        };
        Cost {
            cpu: median(|cost| cost.cpu),
            time: median(|cost| cost.time),
        }
    }
}

async fn process(client: &Client) -> Result<i32> {
    let row = client.query_one("select pg_backend_pid()", &[]).await?;
    Ok(row.get(0))
}
