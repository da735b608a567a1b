//! A node dies for good, and its standby is promoted.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use engine_harness::progress::tell;
use engine_harness::{Options, Scale};
use engine_nodes::caller::{Callers, patient};
use engine_nodes::fleet::{ENVIRONMENTS, Fleet};
use engine_nodes::running::{Running, nothing, succeeded, worker};

const ROUNDS: Scale = Scale::new("failovers of a node", 2, 20);

/// Runs that are triggered at each node before and after its death.
const RUNS: usize = 30;

/// Servers die, and the machine does not. What was lost with an answer goes on soon.
fn options() -> Options {
    [
        ("fsync", "off"),
        ("wal_log_hints", "on"),
        ("wal_keep_size", "256MB"),
        ("engine.heartbeat_pending_executing_ms", "2000"),
        ("engine.heartbeat_executing_ms", "2000"),
    ]
    .into_iter()
    .fold(Options::default(), |options, (name, value)| {
        options.set(name, value)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_standby_is_promoted_loses_nothing_and_the_others_do_not_notice() -> Result<()>
{
    let mut fleet = Fleet::start(options()).await?;
    let (dying, _) = ENVIRONMENTS[1];
    let others = [ENVIRONMENTS[0].0, ENVIRONMENTS[2].0];
    fleet.node_of(dying)?.replicate(options())?;
    let cluster = patient(fleet.placement()?);
    let running = Running::start(worker(patient(fleet.placement()?), 6).task("t", nothing));
    let callers = Callers::start(&cluster, "t");
    let rounds = ROUNDS.pick();
    let mut longest = Duration::ZERO;
    for _ in 0..rounds {
        let node = fleet.node_of(dying)?;
        node.synchronize().await?;
        callers.have_triggered(&[dying], RUNS).await?;
        node.server.kill_9()?;
        let died_at = Instant::now();
        callers.have_triggered(&others, RUNS).await?;
        node.promote().await?;
        callers.have_triggered(&[dying], 1).await?;
        longest = longest.max(died_at.elapsed());
        node.rejoin().await?;
    }
    callers.have_triggered(&[dying], RUNS).await?;
    let runs = callers.end().await?;
    succeeded(&cluster, &runs).await?;
    running.stop().await?;
    tell(format!(
        "{rounds} failovers, 0 of {} runs lost; out for {longest:?} at most",
        runs.len()
    ));
    let count = fleet.count("engine.run").await?;
    ensure!(count == i64::try_from(runs.len())?, "{count} runs");
    fleet.check().await
}
