//! The calls, and the two ways of the driver to make them.

use std::sync::Arc;

use anyhow::{Result, ensure};
use engine_client::{Cluster, Connection, Dequeue, Engine, Trigger};
use tokio_postgres::Client;

use super::subject::Subject;

/// Runs of a batch.
const BATCH: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Heartbeat,
    Dequeue,
    Trigger,
    Batch,
    Spread,
}

impl Call {
    pub(super) const ALL: [Self; 5] = [
        Self::Heartbeat,
        Self::Dequeue,
        Self::Trigger,
        Self::Batch,
        Self::Spread,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat",
            Self::Dequeue => "dequeue that finds nothing",
            Self::Trigger => "trigger",
            Self::Batch => "100 triggers of one environment in a call",
            Self::Spread => "100 triggers over all environments in a call",
        }
    }

    pub(super) fn runs(self) -> usize {
        match self {
            Self::Heartbeat | Self::Dequeue | Self::Trigger => 1,
            Self::Batch | Self::Spread => BATCH,
        }
    }

    /// How many calls of a turn.
    pub(super) fn calls(self) -> usize {
        match self {
            Self::Heartbeat | Self::Dequeue | Self::Trigger => 18,
            Self::Batch | Self::Spread => 6,
        }
    }

    /// The triggers of a batch: of the subject `index`, or of all.
    fn triggers(self, subjects: &[Subject], index: usize) -> Vec<Trigger> {
        let of = |number: usize| match self {
            Self::Spread => &subjects[number % subjects.len()],
            _ => &subjects[index],
        };
        let trigger = |number| Trigger::new("noop").environment_id(&of(number).environment);
        (0..BATCH).map(trigger).collect()
    }

    /// Makes the call about the subject `index` at one server.
    pub(super) async fn at_server(
        self,
        client: &Client,
        subjects: &[Subject],
        index: usize,
    ) -> Result<()> {
        let engine = Engine::new(client);
        let Subject { environment, held } = &subjects[index];
        match self {
            Self::Heartbeat => {
                engine.heartbeat(&held.0, &held.1).await?;
            }
            Self::Dequeue => {
                let dequeue = Dequeue::default().environment_id(environment);
                ensure!(engine.dequeue(&dequeue).await?.is_empty(), "found a run");
            }
            Self::Trigger => {
                let trigger = Trigger::new("noop").environment_id(environment);
                engine.trigger(&trigger).await?;
            }
            Self::Batch | Self::Spread => {
                let triggers = self.triggers(subjects, index);
                engine.trigger_many(&triggers).await?;
            }
        }
        Ok(())
    }

    /// Makes the call about the subject `index` at its node.
    pub(super) async fn at_node(
        self,
        cluster: &Cluster,
        subjects: &[Subject],
        index: usize,
    ) -> Result<()> {
        let Subject { environment, held } = &subjects[index];
        match self {
            Self::Heartbeat => {
                let beat = |connection: Arc<Connection>| async move {
                    connection.engine().heartbeat(&held.0, &held.1).await
                };
                cluster.of_run(&held.0, beat).await?;
            }
            Self::Dequeue => {
                let dequeue = Dequeue::default().environment_id(environment);
                ensure!(cluster.dequeue(&dequeue).await?.is_empty(), "found a run");
            }
            Self::Trigger => {
                let trigger = Trigger::new("noop").environment_id(environment);
                cluster.trigger(&trigger).await?;
            }
            Self::Batch | Self::Spread => {
                let triggers = self.triggers(subjects, index);
                for answer in cluster.trigger_many(&triggers).await {
                    answer?;
                }
            }
        }
        Ok(())
    }
}
