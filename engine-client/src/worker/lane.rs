//! A worker's part at one node.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::WorkerConfig;
use super::attempt::Attempts;
use super::dequeuer::{Dequeuer, Started};
use super::heartbeat::HeartbeatLoop;
use super::hold::HeldRuns;
use super::metric;
use super::permit::HandlerPermits;
use super::run_calls::RunCalls;
use super::run_permit::RunPermits;
use super::service::{Services, end, keep_time};
use super::task::Tasks;
use crate::link::Link;
use crate::trace::Trail;
use crate::{
    Cluster, ClusterConfig, Database, Dequeue, Error, Identity, Presence, Timekeeper,
    TimekeeperConfig,
};

/// Longest time for calls about runs whose shard has moved: the deadline of each comes first.
const AS_LONG_AS_HELD: Duration = Duration::from_secs(24 * 3600);

/// Longest time for a beat at another node, so that the next beats are not late.
const BEAT_PATIENCE: Duration = Duration::from_secs(1);

/// What the lanes of a worker share.
pub(super) struct Shared {
    pub(super) config: WorkerConfig,
    /// Cancelled at the shutdown.
    pub(super) stopping: CancellationToken,
    /// Cancelled when the drain timeout has passed.
    pub(super) expired: CancellationToken,
    identity: Identity,
    tasks: Arc<Tasks>,
    permits: Arc<RunPermits>,
    handlers: Arc<HandlerPermits>,
}

impl Shared {
    pub(super) fn new(config: WorkerConfig, tasks: Tasks, lanes: usize) -> Self {
        Self {
            identity: config.identity.clone().completed(),
            stopping: CancellationToken::new(),
            expired: CancellationToken::new(),
            permits: Arc::new(RunPermits::new(capacity(&config), lanes)),
            handlers: Arc::new(HandlerPermits::new(config.concurrency, tasks.limits())),
            tasks: Arc::new(tasks),
            config,
        }
    }

    /// The cluster, with connections of their own for calls about runs whose shard has moved.
    fn apart(&self, cluster: Option<&Cluster>, patience: Duration) -> Option<Cluster> {
        let config = ClusterConfig {
            patience,
            identity: self.identity.clone(),
            link: self.config.link.clone(),
        };
        Some(cluster?.apart(config))
    }
}

/// Dequeues from one node, executes its runs, and keeps and completes them there.
pub(super) struct Lane {
    /// The name of the node; empty for a worker of one database.
    name: String,
    dequeuer: Dequeuer,
    coalescers: JoinSet<()>,
    started: Started,
    running: JoinSet<()>,
}

impl Lane {
    /// Starts what runs beside the dequeues.
    ///
    /// # Errors
    /// [`Setup`](crate::ErrorKind::Setup) if the system cannot start a thread.
    pub(super) fn start(
        shared: &Shared,
        name: &str,
        database: &Database,
        cluster: Option<&Cluster>,
        services: &mut Services,
    ) -> Result<Self, Error> {
        let config = &shared.config;
        let link = || Link::new(database.clone(), config.link.clone());
        let held = Arc::new(HeldRuns::of(metric::Node::new(name)));
        let heartbeat = HeartbeatLoop {
            held: Arc::clone(&held),
            link: link(),
            identity: shared.identity.clone(),
            presence: presence(config),
            call_timeout: config.link.call_timeout,
            cluster: shared.apart(cluster, BEAT_PATIENCE),
        };
        let ended = heartbeat.start(services.stop.clone())?;
        services.heartbeats.push(ended);
        if let Some(interval) = config.timekeeper {
            let timekeeper = TimekeeperConfig {
                interval,
                link: config.link.clone(),
                ..TimekeeperConfig::default()
            };
            let timekeeper = Timekeeper::new(database.clone(), timekeeper);
            let stop = services.stop.clone();
            services.tasks.spawn(keep_time(timekeeper, stop));
        }
        let links = (0..config.attempt_connections.max(1)).map(|_| Arc::new(link()));
        let mut coalescers = JoinSet::new();
        let calls = RunCalls::new(
            links.collect(),
            shared.identity.clone(),
            config.batching,
            shared.apart(cluster, AS_LONG_AS_HELD),
            &mut coalescers,
        );
        let attempts = Attempts {
            held,
            calls: Arc::new(calls),
            permits: Arc::clone(&shared.handlers),
            tasks: Arc::clone(&shared.tasks),
            retry: config.retry,
            handover: config.handover,
            trail: Trail::default(),
            stopping: shared.stopping.clone(),
            expired: shared.expired.clone(),
            is_shared: shared.permits.are_shared(),
        };
        // Closed, until turns are taken.
        let (_, started) = mpsc::unbounded_channel();
        Ok(Self {
            name: name.to_owned(),
            dequeuer: Dequeuer {
                attempts: Arc::new(attempts),
                link: Arc::new(link()),
                permits: Arc::clone(&shared.permits),
                max_batch: config.max_batch.max(1),
                idle: config.idle,
                dequeue: dequeue(config),
                identity: Arc::new(shared.identity.clone()),
                batching: config.batching,
                prefetches: config.prefetch > 0,
            },
            coalescers,
            started,
            running: JoinSet::new(),
        })
    }

    /// Dequeues until the worker stops. An error that waiting does not fix stops it.
    pub(super) async fn dequeue(&mut self) -> Result<(), Error> {
        let stopping = self.dequeuer.attempts.stopping.clone();
        let result = self
            .dequeuer
            .run(
                &mut self.running,
                &mut self.started,
                &mut self.coalescers,
                &stopping,
            )
            .await;
        if let Err(error) = &result {
            tracing::error!(node = self.name, %error, "the worker stops");
            stopping.cancel();
        }
        result
    }

    /// Lets runs finish, also those that the last turn has started.
    pub(super) async fn finish(&mut self) {
        let mut is_open = true;
        while is_open || !self.running.is_empty() {
            tokio::select! {
                run = self.started.recv(), if is_open => match run {
                    Some(Ok(run)) => self.dequeuer.execute(run, &mut self.running),
                    Some(Err(error)) => tracing::debug!(%error, "the last turn failed"),
                    None => is_open = false,
                },
                _ = self.running.join_next(), if !self.running.is_empty() => {}
            }
        }
    }

    /// The number of runs that have not finished.
    pub(super) fn runs(&self) -> usize {
        self.running.len()
    }

    /// Waits for runs that were told to end.
    pub(super) async fn end(&mut self) {
        end(&mut self.running).await;
    }

    /// Ends the calls, and closes the connections.
    pub(super) async fn close(&mut self) {
        self.coalescers.shutdown().await;
        self.dequeuer.link.close().await;
        self.dequeuer.attempts.calls.close().await;
    }
}

/// How many runs a worker holds at once, at most.
fn capacity(config: &WorkerConfig) -> usize {
    config.concurrency.max(1).saturating_add(config.prefetch)
}

fn presence(config: &WorkerConfig) -> Presence {
    let mut presence = Presence::new(capacity(config)).worker_queue(&config.worker_queue);
    presence.environment_id.clone_from(&config.environment_id);
    presence.worker_version.clone_from(&config.worker_version);
    presence
}

fn dequeue(config: &WorkerConfig) -> Dequeue {
    let mut dequeue = Dequeue::new(&config.worker_queue).wait(config.wait);
    dequeue.environment_id.clone_from(&config.environment_id);
    dequeue.worker_version.clone_from(&config.worker_version);
    dequeue
}
