//! The policy of a worker.

use std::time::Duration;

use crate::backoff::BackoffRange;
use crate::{Identity, LinkConfig};

/// How a [`Worker`](crate::Worker) works. Every value has a default:
///
/// ```
/// use engine_client::WorkerConfig;
///
/// let config = WorkerConfig { concurrency: 4, ..WorkerConfig::default() };
/// ```
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// The worker queue to dequeue from. Default: `main`.
    pub worker_queue: String,
    /// Only runs of this environment. Default: of any.
    pub environment_id: Option<String>,
    /// The version of the worker's code. Default: none.
    pub worker_version: Option<String>,
    /// What the snapshots say about who worked. Default: nothing.
    pub identity: Identity,
    /// How many runs may be held at once, at least 1. Default: 10.
    pub concurrency: usize,
    /// How many runs one dequeue may take; it never takes more than there are free permits. Default: 100.
    pub max_batch: usize,
    /// How many connections carry starts and completions, at least 1. Calls on one connection are committed
    /// one after the other; calls on several share the server's flushes. Beside them a worker has one
    /// connection each for dequeues, heartbeats and its timekeeper. Default: 2.
    pub attempt_connections: usize,
    /// Pauses between dequeues that find nothing. Default: 20 ms to 1 s.
    pub idle: BackoffRange,
    /// How long running handlers have to finish after the shutdown; then they are cancelled, and their
    /// runs are recovered after their heartbeat deadlines. Default: 30 s.
    pub drain_timeout: Duration,
    /// The pause between ticks of the worker's own [`Timekeeper`](crate::Timekeeper), or none for a
    /// worker without one. Default: 1 s.
    pub timekeeper: Option<Duration>,
    /// How the worker's connections are made and kept.
    pub link: LinkConfig,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            worker_queue: "main".to_owned(),
            environment_id: None,
            worker_version: None,
            identity: Identity::default(),
            concurrency: 10,
            max_batch: 100,
            attempt_connections: 2,
            idle: BackoffRange {
                min: Duration::from_millis(20),
                max: Duration::from_secs(1),
            },
            drain_timeout: Duration::from_secs(30),
            timekeeper: Some(Duration::from_secs(1)),
            link: LinkConfig::default(),
        }
    }
}
