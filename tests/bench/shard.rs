//! Suite `shard`: what idle shards add to a tick, and to a dequeue that finds nothing.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine_harness::session_cpu_time;
use tokio_postgres::{Client, Statement};

use super::Bench;
use super::figure::{Figure, quantile};
use super::report::Chapter;
use super::stock::Stock;
use super::trial::{Outcome, Trial};

const ABOUT: &str = "CPU time of a call in databases with 1, 20 and 64 shards in use, each with one environment and nothing to do; and with 64 of which \
    half are on record as away. Each has a session; the sessions make the same calls in turns.";

const CPU: Figure = Figure::new("server CPU per call, µs", 1);
const MORE: Figure = Figure::new("more than with 1 shard, µs", 1);

/// Turns of each session. The first quarter is a warm-up.
const TURNS: usize = 400;
const CALLS_PER_TURN: usize = 20;

#[derive(Clone, Copy)]
enum Call {
    Tick,
    Dequeue,
}

impl Call {
    const ALL: [Self; 2] = [Self::Tick, Self::Dequeue];

    fn name(self) -> &'static str {
        match self {
            Self::Tick => "engine_tick",
            Self::Dequeue => "engine_dequeue",
        }
    }

    fn sql(self) -> &'static str {
        match self {
            Self::Tick => include_str!("sql/shard/tick.sql"),
            Self::Dequeue => include_str!("sql/shard/dequeue.sql"),
        }
    }
}

/// How many shards are in use, and how many of them are not served.
const VARIANTS: [(&str, i32, i32); 4] = [
    ("1 shard", 1, 0),
    ("20 shards", 20, 0),
    ("64 shards", 64, 0),
    ("64 shards, 32 away", 64, 32),
];

/// A database with so many shards in use, and a session of it.
struct Party<'a> {
    stock: Stock<'a>,
    client: Client,
    process: i32,
    statement: Statement,
}

impl<'a> Party<'a> {
    async fn begin(bench: &'a Bench, call: Call, shards: i32, away: i32) -> Result<Self> {
        let stock = Stock::empty(&bench.cluster).await?;
        let client = stock.observer().await?;
        let environments = include_str!("sql/shard/environments.sql");
        client.execute(environments, &[&shards]).await?;
        let set = "select engine_set_shard(n, 'AWAY') from generate_series($1, $2 - 1) as n";
        let first = shards - away;
        client.execute(set, &[&first, &shards]).await?;
        let row = client.query_one("select pg_backend_pid()", &[]).await?;
        let statement = client.prepare(call.sql()).await?;
        Ok(Self {
            process: row.get(0),
            stock,
            client,
            statement,
        })
    }

    /// CPU time of each of some calls, microseconds.
    async fn calls(&self, call: Call) -> Result<f64> {
        let before = self.cpu_time()?;
        for _ in 0..CALLS_PER_TURN {
            let rows = self.client.query(&self.statement, &[]).await?;
            let is_idle = match call {
                Call::Tick => rows.iter().all(|row| row.get::<_, i32>(1) == 0),
                Call::Dequeue => rows.is_empty(),
            };
            ensure!(is_idle, "there was something to do");
        }
        let used = self.cpu_time()?.saturating_sub(before);
        Ok(used.as_secs_f64() * 1e6 / CALLS_PER_TURN as f64)
    }

    fn cpu_time(&self) -> Result<Duration> {
        session_cpu_time(self.process).context("the session has ended")
    }
}

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let mut outcomes = Vec::new();
    for call in Call::ALL {
        let mut trials: Vec<Vec<Trial>> = vec![Vec::new(); VARIANTS.len()];
        for _ in 0..bench.arguments.repeat(3) {
            for (trials, trial) in trials.iter_mut().zip(trial(bench, call).await?) {
                trials.push(trial);
            }
        }
        let named = VARIANTS.iter().zip(trials);
        outcomes.extend(named.map(|((name, ..), trials)| Outcome {
            conditions: call.name().to_owned(),
            variant: (*name).to_owned(),
            trials,
        }));
    }
    Ok(Chapter::new("shard", ABOUT, outcomes))
}

/// The figures of each database, from turns that their sessions take one after the other.
async fn trial(bench: &Bench, call: Call) -> Result<Vec<Trial>> {
    let mut parties = Vec::new();
    for (_, shards, away) in VARIANTS {
        parties.push(Party::begin(bench, call, shards, away).await?);
    }
    let mut costs = vec![Vec::new(); parties.len()];
    for turn in 0..TURNS {
        if turn == TURNS / 4 {
            costs.iter_mut().for_each(Vec::clear);
        }
        for (party, costs) in parties.iter().zip(&mut costs) {
            costs.push(party.calls(call).await?);
        }
    }
    for party in parties {
        drop(party.client);
        party.stock.remove().await?;
    }
    let one = costs[0].clone();
    let figures = |costs: Vec<f64>| {
        let more = costs.iter().zip(&one).map(|(cost, one)| cost - one);
        Trial {
            figures: vec![(MORE, median(more.collect())), (CPU, median(costs))],
            ..Trial::default()
        }
    };
    Ok(costs.into_iter().map(figures).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}
