//! Executing runs: all the policy of a worker.

mod attempt;
mod config;
mod context;
mod dequeuer;
mod heartbeat;
mod held;
mod panic;
mod task;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::attempt::Attempts;
use self::dequeuer::Dequeuer;
use self::heartbeat::HeartbeatLoop;
use self::held::Held;
use self::task::Tasks;
use crate::link::Link;
use crate::{Database, Dequeue, Error, Failure, Timekeeper, TimekeeperConfig};

pub use self::config::WorkerConfig;
pub use self::context::Context;

/// How long what was told to end may take to do so. Only a handler that blocks its thread takes longer.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// Executes runs with handlers registered by task name.
///
/// It dequeues only as many runs as it may start at once, keeps all of them with one heartbeat statement
/// at a third of the shortest deadline, and completes each. It survives the loss of its connections and of
/// the server: handlers go on, and their completions are delivered when the server is back, if their
/// deadlines have not passed.
///
/// - A handler's error, and its panic, fail the attempt.
/// - A run that moved on (cancelled, or recovered by another worker) cancels its handler and is not
///   completed. The same happens when its heartbeat deadline passes without an answer.
/// - A run whose task has no handler fails with `INTERNAL_ERROR` `COULD_NOT_FIND_EXECUTOR`.
///
/// Handlers share the threads of the runtime: work that blocks belongs in
/// [`tokio::task::spawn_blocking`], or it delays the heartbeats of the others.
///
/// ```no_run
/// # async fn example() -> Result<(), engine_client::Error> {
/// use engine_client::{Context, Worker, WorkerConfig, shutdown_signal};
///
/// Worker::new("host=/var/run/postgresql dbname=app".parse()?)
///     .config(WorkerConfig { concurrency: 4, ..WorkerConfig::default() })
///     .task("double", |_ctx: Context, number: i64| async move { Ok(number * 2) })
///     .run(shutdown_signal())
///     .await
/// # }
/// ```
#[derive(Debug)]
pub struct Worker {
    database: Database,
    config: WorkerConfig,
    tasks: Tasks,
}

impl Worker {
    /// A worker of this database without handlers, with the default configuration.
    pub fn new(database: Database) -> Self {
        Self {
            database,
            config: WorkerConfig::default(),
            tasks: Tasks::default(),
        }
    }

    /// Replaces the configuration.
    pub fn config(mut self, config: WorkerConfig) -> Self {
        self.config = config;
        self
    }

    /// Executes the runs of task `name` with `handler`, whose input is the run's payload and whose output
    /// becomes the run's. A second handler for the same task replaces the first.
    ///
    /// A payload that is not a `T` fails the run with `INTERNAL_ERROR` `TASK_INPUT_ERROR`.
    pub fn task<T, O, F, Fut>(mut self, name: impl Into<String>, handler: F) -> Self
    where
        T: DeserializeOwned + Send + 'static,
        O: Serialize + 'static,
        F: Fn(Context, T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, Failure>> + Send + 'static,
    {
        self.tasks.insert(name.into(), handler);
        self
    }

    /// Works until `shutdown` is ready; then it dequeues no more, lets running handlers finish for the
    /// drain timeout, and cancels the rest.
    ///
    /// Dropping the future cancels every handler at once; their runs are recovered after their deadlines.
    ///
    /// # Errors
    /// What waiting does not heal, after draining: [`Setup`](crate::ErrorKind::Setup),
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation). A server that is down is waited for.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let drain_timeout = self.config.drain_timeout;
        let drained = CancellationToken::new();
        let mut services = JoinSet::new();
        let dequeuer = self.start_services(&mut services, &drained);

        let mut running = JoinSet::new();
        let result = {
            let stop = CancellationToken::new();
            let mut dequeuing = pin!(dequeuer.run(&mut running, &stop));
            tokio::select! {
                result = &mut dequeuing => result,
                () = shutdown => {
                    stop.cancel();
                    dequeuing.await
                }
            }
        };
        drain(&mut running, drain_timeout).await;

        // Heartbeats and ticks go on while runs are drained.
        drained.cancel();
        end(&mut services).await;
        dequeuer.link.close().await;
        for link in &dequeuer.attempts.links {
            link.close().await;
        }
        result
    }

    /// Starts what runs beside the dequeues, until `drained`.
    fn start_services(self, services: &mut JoinSet<()>, drained: &CancellationToken) -> Dequeuer {
        let Self {
            database,
            config,
            tasks,
        } = self;
        let link = || Link::new(database.clone(), config.link.clone());
        let held = Arc::new(Held::default());
        let heartbeat = HeartbeatLoop {
            held: Arc::clone(&held),
            link: link(),
            identity: config.identity.clone(),
            call_timeout: config.link.call_timeout,
        };
        services.spawn(heartbeat.run(drained.clone()));
        if let Some(interval) = config.timekeeper {
            let timekeeper = TimekeeperConfig {
                interval,
                link: config.link.clone(),
                ..TimekeeperConfig::default()
            };
            let timekeeper = Timekeeper::new(database.clone(), timekeeper);
            services.spawn(keep_time(timekeeper, drained.clone()));
        }
        let concurrency = config.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        Dequeuer {
            attempts: Arc::new(Attempts {
                tasks,
                held,
                links: (0..config.attempt_connections.max(1))
                    .map(|_| link())
                    .collect(),
                count: AtomicUsize::new(0),
                identity: config.identity.clone(),
            }),
            link: link(),
            permits: Arc::new(Semaphore::new(concurrency)),
            max_batch: config.max_batch.max(1),
            idle: config.idle,
            dequeue: dequeue(&config),
            identity: config.identity,
        }
    }
}

fn dequeue(config: &WorkerConfig) -> Dequeue {
    let mut dequeue = Dequeue::new(&config.worker_queue);
    dequeue.environment_id.clone_from(&config.environment_id);
    dequeue.worker_version.clone_from(&config.worker_version);
    dequeue
}

/// A worker that may not tick still works; somebody else has to keep time.
async fn keep_time(timekeeper: Timekeeper, drained: CancellationToken) {
    if let Err(error) = timekeeper.run(drained.cancelled_owned()).await {
        tracing::error!(%error, "this worker's timekeeper gave up");
    }
}

/// Lets attempts finish for `limit`, then cancels the rest.
async fn drain(running: &mut JoinSet<()>, limit: Duration) {
    let finish = async { while running.join_next().await.is_some() {} };
    if timeout(limit, finish).await.is_err() {
        let runs = running.len();
        tracing::warn!(runs, "the drain timeout passed, handlers are cancelled");
        running.abort_all();
        end(running).await;
    }
}

/// Awaits tasks that were told to end.
async fn end(tasks: &mut JoinSet<()>) {
    let finish = async { while tasks.join_next().await.is_some() {} };
    if timeout(END_TIMEOUT, finish).await.is_err() {
        tracing::error!(tasks = tasks.len(), "tasks did not end in time");
        tasks.abort_all();
    }
}
