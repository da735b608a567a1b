//! The queues to process.

use anyhow::Result;
use engine_harness::{Cluster, progress};

use super::adapter::Adapter;
use super::process::Order;
use super::{Batching, ENGINE, skipped};
use crate::stock::Stock;

/// The owner of a queue.
pub(super) enum Queue<'a> {
    Engine,
    Peer(&'a Adapter),
}

impl Queue<'_> {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Engine => ENGINE,
            Self::Peer(adapter) => &adapter.name,
        }
    }
}

/// A full queue; each trial processes a copy of it.
pub(super) struct Filled<'a> {
    pub(super) queue: Queue<'a>,
    pub(super) batching: Batching,
    pub(super) runs: u64,
    pub(super) stock: Stock<'a>,
}

/// The engine's queue and those of all peers that support this; for the others, the reason goes into the notes.
pub(super) async fn all<'a>(
    cluster: &'a Cluster,
    adapters: &'a [Adapter],
    batching: Batching,
    runs: u64,
    notes: &mut Vec<String>,
) -> Result<Vec<Filled<'a>>> {
    let filled = |queue, stock| Filled {
        queue,
        batching,
        runs,
        stock,
    };
    let mut all = vec![filled(Queue::Engine, Stock::filled(cluster, runs).await?)];
    for adapter in adapters {
        let (name, table) = (&adapter.name, batching.name());
        if !adapter.peer.batchings.contains(&batching) {
            notes.push(format!("{name} is not in the table *{table}*."));
            continue;
        }
        match fill(cluster, adapter, batching, runs).await {
            Ok(stock) => all.push(filled(Queue::Peer(adapter), stock)),
            Err(error) => notes.push(skipped(&format!("{name}, {table}"), &error)),
        }
    }
    Ok(all)
}

async fn fill<'a>(
    cluster: &'a Cluster,
    adapter: &Adapter,
    batching: Batching,
    runs: u64,
) -> Result<Stock<'a>> {
    progress::say(format!("filling {runs} jobs into {}", adapter.name));
    let name = format!("{}_{}", adapter.peer.label(), batching.batch());
    let stock = Stock::without_engine(cluster, &name).await?;
    let order = Order {
        uri: stock.uri(),
        runs,
        clients: 1,
        batch: batching.batch(),
    };
    adapter.fill(&order).await?;
    stock.tidy().await?;
    Ok(stock)
}
