//! The first call about an environment, which finds its node, and the next one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Result, ensure};
use engine_client::{Cluster, Connection, Placement, Trigger};
use engine_harness::Cluster as Server;

use super::median;
use crate::figure::{Figure, quantile};
use crate::stock::Stock;
use crate::trial::{Outcome, Trial};

const NODES: [usize; 5] = [1, 3, 10, 30, 100];

/// Each is looked for once.
const ENVIRONMENTS: usize = 200;

/// All of them are on it.
const SHARD: u16 = 7;

const ASKED: Figure = Figure::new("nodes asked by the first call", 1);
const FIRST: Figure = Figure::new("first call p50, ms", 2);
const FIRST_P99: Figure = Figure::new("first call p99, ms", 2);
const NEXT: Figure = Figure::new("next call p50, ms", 2);
const BY_SHARD: Figure = Figure::new("first call that names the shard p50, ms", 2);

pub(super) async fn measure(server: &Server) -> Result<Vec<Outcome>> {
    let (home, elsewhere) = (Stock::empty(server).await?, Stock::empty(server).await?);
    let create = "select engine_set_environment('tenant-' || n, shard => $2) from generate_series(1, $1::integer) as n";
    let count = i32::try_from(ENVIRONMENTS)?;
    let client = home.observer().await?;
    client.query(create, &[&count, &i32::from(SHARD)]).await?;
    let mut outcomes = Vec::new();
    for nodes in NODES {
        let unplaced = cluster(&home, &elsewhere, nodes, [])?;
        let placed = cluster(&home, &elsewhere, nodes, [SHARD])?;
        let figures = trial(&unplaced, &placed).await?;
        unplaced.close().await;
        placed.close().await;
        outcomes.push(Outcome {
            conditions: "the first trigger of an environment".to_owned(),
            variant: match nodes {
                1 => "1 node".to_owned(),
                nodes => format!("{nodes} nodes"),
            },
            trials: vec![Trial {
                figures,
                ..Trial::default()
            }],
        });
    }
    drop(client);
    home.remove().await?;
    elsewhere.remove().await?;
    Ok(outcomes)
}

/// One node has the environments; all others are another database, by a connection each.
fn cluster(
    home: &Stock<'_>,
    elsewhere: &Stock<'_>,
    nodes: usize,
    shards: impl IntoIterator<Item = u16>,
) -> Result<Cluster> {
    let mut placement = Placement::new().node("home", home.address()?, shards);
    for number in 1..nodes {
        placement = placement.node(number.to_string(), elsewhere.address()?, []);
    }
    Ok(Cluster::new(placement))
}

async fn trial(unplaced: &Cluster, placed: &Cluster) -> Result<Vec<(Figure, f64)>> {
    for cluster in [unplaced, placed] {
        let tick = |connection: Arc<Connection>| async move { connection.engine().tick(1).await };
        for (_, answer) in cluster.on_each(tick).await {
            answer?;
        }
    }
    let asked = AtomicU64::new(0);
    let [mut first, mut next, mut by_shard] = [const { Vec::new() }; 3];
    for number in 1..=ENVIRONMENTS {
        let environment = format!("tenant-{number}");
        let trigger = &Trigger::new("noop").environment_id(&environment);
        let call = |connection: Arc<Connection>| {
            asked.fetch_add(1, Ordering::Relaxed);
            async move { connection.engine().trigger(trigger).await }
        };
        let begun = Instant::now();
        unplaced.of_environment(&environment, call).await?;
        first.push(begun.elapsed().as_secs_f64() * 1e3);
        let before = asked.load(Ordering::Relaxed);
        let begun = Instant::now();
        unplaced.of_environment(&environment, call).await?;
        next.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(asked.load(Ordering::Relaxed) == before + 1, "looked again");
        let begun = Instant::now();
        placed.of_shard(SHARD, call).await?;
        by_shard.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let count = ENVIRONMENTS as f64;
    // Of each, two calls went to the node at once.
    let asked = asked.into_inner() as f64 / count - 2.0;
    first.sort_by(f64::total_cmp);
    Ok(vec![
        (ASKED, asked),
        (FIRST, quantile(&first, 0.5)),
        (FIRST_P99, quantile(&first, 0.99)),
        (NEXT, median(next)),
        (BY_SHARD, median(by_shard)),
    ])
}
