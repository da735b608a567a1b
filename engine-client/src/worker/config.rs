//! The policy of a worker.

use std::time::Duration;

use super::RetryPolicy;
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
    /// The identity in the snapshots of its runs, different for every worker: lost answers are returned to it again.
    /// An id that is missing is made up. Default: both are.
    pub identity: Identity,
    /// How many handlers may execute at once, at least 1. Default: 10.
    pub concurrency: usize,
    /// How many runs more the worker takes than it can execute at once. They wait in the worker, kept by
    /// heartbeats, and start as soon as a handler ends. They count against the limits of their queues, and other
    /// idle workers cannot take them: for short handlers. They start when a handler is free, not with their dequeue, so
    /// that the loss of a worker costs no attempt of runs that wait in it; so each takes three commits, where a turn takes one.
    /// Default: 0.
    pub prefetch: usize,
    /// How many runs one dequeue may take; it never takes more than there are free permits. Default: 100.
    pub max_batch: usize,
    /// How ends of attempts share commits, or none for a commit each. The next runs start in the same commits.
    /// Default: up to 100, at most every 2 ms.
    pub batching: Option<Batching>,
    /// How many connections carry starts and completions, at least 1. Calls on one connection are committed one
    /// after the other; calls on several share the server's flushes. In addition a worker has one connection each
    /// for dequeues, heartbeats and its timekeeper. Default: 2.
    pub attempt_connections: usize,
    /// How long to wait in the server for a first run if there is none, at most 60 s; zero does not wait. If the
    /// server preloads the library, the commit that queues a run ends the wait; otherwise the server polls at
    /// least ten times a second. The wait holds nothing (`engine_wait`), and a shutdown ends it at once. Default:
    /// zero.
    pub wait: Duration,
    /// Pauses between dequeues that find nothing. Default: 20 ms to 1 s.
    pub idle: BackoffRange,
    /// When a failed attempt is retried, unless the failure or its task says otherwise. Default: by the run's own
    /// policy, from its [trigger](crate::Trigger::retry), its task's registration or its environment; without any
    /// a failure ends the run.
    pub retry: Option<RetryPolicy>,
    /// How long running handlers may take to finish after the shutdown; then they are cancelled, and their runs
    /// released (`engine_release`), without using up an attempt. The attempt of a waiting run fails with
    /// `GRACEFUL_EXIT_TIMEOUT`, and is retried elsewhere. Default: 30 s.
    pub drain_timeout: Duration,
    /// After the shutdown, failed attempts are retried after at least this pause, so that the engine passes their
    /// runs to other workers instead of leaving them to this one: not less than the setting
    /// `engine.retry_requeue_threshold_ms`. Default: 30 s.
    pub handover: Duration,
    /// The pause between ticks of the worker's own [`Timekeeper`](crate::Timekeeper), or none for a
    /// worker without one. Default: 1 s.
    pub timekeeper: Option<Duration>,
    /// How the worker's connections are opened and kept.
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
            prefetch: 0,
            max_batch: 100,
            batching: Some(Batching::default()),
            attempt_connections: 2,
            wait: Duration::ZERO,
            idle: BackoffRange {
                min: Duration::from_millis(20),
                max: Duration::from_secs(1),
            },
            retry: None,
            drain_timeout: Duration::from_secs(30),
            handover: Duration::from_secs(30),
            timekeeper: Some(Duration::from_secs(1)),
            link: LinkConfig::default(),
        }
    }
}

/// How calls about single runs are combined into calls about many.
///
/// A call after a quiet moment is sent at once; under load, calls wait for each other until `linger` after the
/// last batch. None is answered before its commit.
///
/// ```
/// use std::time::Duration;
///
/// use engine_client::{Batching, WorkerConfig};
///
/// let config = WorkerConfig {
///     batching: Some(Batching { max_size: 500, linger: Duration::from_millis(5) }),
///     ..WorkerConfig::default()
/// };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// Most runs in one call, at least 1; not more than the setting `engine.max_batch`. Default: 100.
    pub max_size: usize,
    /// Shortest time between two batches that are not full. Default: 2 ms.
    pub linger: Duration,
}

impl Default for Batching {
    fn default() -> Self {
        Self {
            max_size: 100,
            linger: Duration::from_millis(2),
        }
    }
}

/// How the runs of one task are executed.
///
/// ```
/// use std::time::Duration;
/// use engine_client::TaskOptions;
///
/// let one_at_a_time = TaskOptions { concurrency: Some(1), ..TaskOptions::default() };
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskOptions {
    /// How many of its handlers may execute at once in this worker. Further runs wait in the worker and take up
    /// its permits: if that matters, also set a limit for their queue, which applies to all workers together.
    /// Default: the worker's concurrency.
    pub concurrency: Option<usize>,
    /// Time limit of attempts whose run sets none. Default: none.
    pub max_duration: Option<Duration>,
    /// When a failed attempt is retried. Default: the worker's policy.
    pub retry: Option<RetryPolicy>,
    /// Suspends runs that wait for longer than this: they give back their slots and leave the worker, which drops
    /// their handlers. When a run continues, any worker dequeues it and calls the handler again from its
    /// beginning; completed [steps](crate::Context::step) and waits then return their results at once. Default:
    /// never, so that a handler keeps its memory, and its slot.
    pub suspend_after: Option<Duration>,
}
