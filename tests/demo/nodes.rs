//! `--nodes`: the work of several servers, of which one gives a shard away and another one dies.

mod mover;
pub mod node;
mod producer;
mod report;
mod scene;

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use engine_harness::{Cluster as Server, Options};
use tokio_postgres::Client;

use self::node::Nodes;
use self::producer::Producer;
pub use self::report::Report;
use self::scene::Stage;
use crate::bar::Bar;
use crate::fleet::{Fleet, Plan};
use crate::listing::Listing;
use crate::verdict::Verdict;

/// The settings of a node: shards can be moved away from it.
pub fn options(options: Options) -> Options {
    options.set("wal_level", "logical")
}

/// The nodes after the last run.
pub struct Played {
    pub report: Report,
    /// A session of each node.
    pub clients: Vec<Client>,
    /// They are stopped with this.
    _nodes: Nodes,
}

/// Triggers a run for each file, and lets the workers of `plan` finish them while a shard moves and a node dies. `engine` is the
/// program of that name.
pub async fn play(
    servers: Vec<Server>,
    plan: &Plan<'_>,
    listing: &Listing,
    engine: &Path,
) -> Result<Played> {
    let nodes = Nodes::start(servers).await?;
    let runs = listing.files.len();
    let mut stage = Stage {
        fleet: Fleet::start(plan, &nodes.connection_strings())?,
        producer: Producer::start(nodes.placement()?, listing)?,
        bar: Bar::new(runs)?,
        nodes,
        runs,
    };
    stage.bar.say(&format!(
        "{} worker processes execute {} runs at once each, of whichever of {} servers",
        plan.workers,
        plan.concurrency,
        stage.nodes.0.len()
    ));
    let started = Instant::now();
    let (events, standing) = stage.play(engine).await?;
    let elapsed = started.elapsed();
    stage.bar.end();
    stage.fleet.stop().await?;
    let runs = stage.producer.end().await?;
    let mut nodes = stage.nodes;
    let mut clients = Vec::new();
    for node in &nodes.0 {
        clients.push(node.database.connect().await?);
    }
    let report = Report {
        verdict: Verdict::reach(&clients, listing, &runs).await?,
        violations: nodes.violations().await?,
        standing: nodes.standing().await?,
        nodes: (nodes.0.iter())
            .map(|node| (node.name.clone(), node.standing.finished))
            .collect(),
        elapsed,
        events,
    };
    ensure!(
        standing.finished == report.standing.finished,
        "a run is lost"
    );
    Ok(Played {
        report,
        clients,
        _nodes: nodes,
    })
}

impl Report {
    /// Fails if anything is not as it must be.
    pub fn result(&self) -> Result<()> {
        self.verdict.result()?;
        ensure!(
            self.violations.is_empty(),
            "invariants are violated:\n{}",
            self.violations.join("\n")
        );
        ensure!(
            self.events.while_moving > 0 && self.events.while_dead > 0,
            "the others did not go on"
        );
        Ok(())
    }
}
