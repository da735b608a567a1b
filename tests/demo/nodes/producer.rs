//! The service: triggers the runs a few at a time, whatever happens to the nodes.

use std::time::Duration;

use anyhow::Result;
use engine_client::{Cluster, ClusterConfig, Placement, RunId, Trigger};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::node::{SHARDS, environment};
use crate::batch::TASK;
use crate::listing::{JsonPath, Listing};

/// Runs of one call.
const AT_ONCE: usize = 20;

/// How long a call may wait for a node.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Producer {
    /// How many runs it may have triggered by now.
    allowed: watch::Sender<usize>,
    triggering: JoinHandle<Result<Vec<RunId>>>,
}

impl Producer {
    /// Begins to trigger a run for each file, in the environments in turn.
    pub fn start(placement: Placement, listing: &Listing) -> Result<Self> {
        let config = ClusterConfig {
            patience: PATIENCE,
            ..ClusterConfig::default()
        };
        let cluster = Cluster::with(placement, config);
        let files = listing.files.iter().zip(SHARDS.cycle()).enumerate();
        let triggers = files.map(|(number, (file, shard))| {
            Trigger::new(TASK)
                .environment_id(environment(shard))
                .max_attempts(3)
                // A call whose answer is lost is made again, and finds what it has made.
                .idempotency_key(number.to_string())
                .payload(&JsonPath::of(&file.path))
        });
        let triggers: Vec<Trigger> = triggers.collect::<Result<_, _>>()?;
        let (allowed, limit) = watch::channel(0);
        Ok(Self {
            allowed,
            triggering: tokio::spawn(trigger(cluster, triggers, limit)),
        })
    }

    /// Lets it go on until it has triggered so many.
    pub fn allow(&self, runs: usize) {
        self.allowed.send_replace(runs);
    }

    /// The runs in the order of the files, once all are triggered.
    pub async fn end(self) -> Result<Vec<RunId>> {
        self.triggering.await?
    }
}

async fn trigger(
    cluster: Cluster,
    triggers: Vec<Trigger>,
    mut limit: watch::Receiver<usize>,
) -> Result<Vec<RunId>> {
    let mut runs = Vec::with_capacity(triggers.len());
    for some in triggers.chunks(AT_ONCE) {
        limit.wait_for(|limit| *limit > runs.len()).await?;
        for answer in cluster.trigger_many(some).await {
            runs.push(answer?.run_id);
        }
    }
    cluster.close().await;
    Ok(runs)
}
