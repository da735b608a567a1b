//! The worker: it executes runs, and has all the policy.

mod attempt;
mod child;
mod coalescer;
mod config;
mod context;
mod delivery;
mod dequeuer;
mod end;
mod heartbeat;
mod held_run;
mod hold;
mod metric;
mod name;
mod panic;
mod pause;
mod permit;
mod presence;
#[cfg(feature = "testing")]
mod rehearsed;
mod report;
mod retry;
mod run_calls;
#[cfg(feature = "testing")]
mod script;
mod step;
mod stopwatch;
mod task;
mod turn_state;
mod turns;
mod wait;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::attempt::Attempts;
use self::dequeuer::{Dequeuer, Started};
use self::heartbeat::HeartbeatLoop;
use self::hold::HeldRuns;
use self::permit::{HandlerPermits, to_permits};
use self::run_calls::RunCalls;
use self::task::Tasks;
use crate::link::Link;
use crate::trace::Trail;
use crate::{Database, Dequeue, Error, Failure, Presence, Timekeeper, TimekeeperConfig};

pub use self::config::{Batching, TaskOptions, WorkerConfig};
pub use self::context::Context;
pub use self::retry::RetryPolicy;
#[cfg(feature = "testing")]
pub(crate) use self::script::{Script, TokenEnd};

/// Longest time for tasks to end once they were told to. Only a handler that blocks its thread takes longer.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// Executes runs with handlers registered by task name.
///
/// It dequeues only as many runs as it has room for, keeps all of them with one heartbeat statement at a third of
/// the shortest deadline, and completes each. It survives the loss of its connections and of the server: handlers
/// continue, and their completions are delivered when the server is back, if their deadlines have not passed.
///
/// - A handler's error, and its panic, fail the attempt; the policy of the run, or a [`RetryPolicy`] of its task
///   or the worker, decides when it is retried.
/// - A run that is cancelled cancels its handler, within about a second. So does a run that was passed to another
///   worker, which is then not completed; and one whose deadline passes without an answer from the server, because
///   another worker may own it.
/// - An attempt that exceeds its maximum duration fails with `MAX_DURATION_EXCEEDED`.
/// - A run whose task has no handler fails with `INTERNAL_ERROR` `COULD_NOT_FIND_EXECUTOR`.
///
/// It takes turns: one call, in one commit, reports how attempts have ended and starts the next runs in their place
/// (`engine_work`); under load the ends of several attempts share it, see [`WorkerConfig::batching`]. If an answer is
/// lost, it is asked for again. While a task is at a [limit](TaskOptions::concurrency) of its own, further runs are dequeued
/// without starting, since the next one may be of this task. A worker that [prefetches](WorkerConfig::prefetch), or whose
/// role may not execute `engine_work`, dequeues, starts and completes with separate calls; of the latter a warning tells.
///
/// Handlers share the threads of the runtime: blocking work belongs in [`tokio::task::spawn_blocking`], otherwise
/// it delays the others, and cannot be stopped. Heartbeats have a thread of their own.
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
    /// A worker for this database without handlers, with the default configuration.
    pub fn new(database: Database) -> Self {
        Self {
            database,
            config: WorkerConfig::default(),
            tasks: Tasks::default(),
        }
    }

    /// Where it executes runs.
    #[cfg(feature = "testing")]
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Replaces the configuration.
    pub fn config(mut self, config: WorkerConfig) -> Self {
        self.config = config;
        self
    }

    /// Executes the runs of task `name` with `handler`, whose input is the run's payload and whose output becomes
    /// the run's output. A second handler for the same task replaces the first.
    ///
    /// A payload that is not a `T` fails the run with `INTERNAL_ERROR` `TASK_INPUT_ERROR`.
    pub fn task<T, O, F, Fut>(self, name: impl Into<String>, handler: F) -> Self
    where
        T: DeserializeOwned + Send + 'static,
        O: Serialize + 'static,
        F: Fn(Context, T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, Failure>> + Send + 'static,
    {
        self.task_with(name, TaskOptions::default(), handler)
    }

    /// Executes the runs of task `name` with `handler`, with options for this task.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use engine_client::{Context, Database, Failure, TaskOptions, Worker};
    /// # fn worker(database: Database) -> Worker {
    /// let options = TaskOptions {
    ///     concurrency: Some(2),
    ///     max_duration: Some(Duration::from_secs(60)),
    ///     ..TaskOptions::default()
    /// };
    /// Worker::new(database).task_with("resize", options, |_ctx: Context, path: String| async move {
    ///     Ok::<_, Failure>(path)
    /// })
    /// # }
    /// ```
    pub fn task_with<T, O, F, Fut>(
        mut self,
        name: impl Into<String>,
        options: TaskOptions,
        handler: F,
    ) -> Self
    where
        T: DeserializeOwned + Send + 'static,
        O: Serialize + 'static,
        F: Fn(Context, T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, Failure>> + Send + 'static,
    {
        self.tasks.insert(name.into(), options, handler);
        self
    }

    /// Works until `shutdown` is ready; then it stops dequeuing, lets running handlers finish within the drain
    /// timeout, and cancels the rest.
    ///
    /// Dropping the future cancels every handler at once; their runs are recovered after their deadlines.
    ///
    /// # Errors
    /// Errors that waiting does not fix, after draining: [`Setup`](crate::ErrorKind::Setup),
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation). A server that is down is waited for.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        metric::describe();
        let drain_timeout = self.config.drain_timeout;
        let mut services = Services::new();
        let dequeuer = self.start(&mut services)?;
        let attempts = Arc::clone(&dequeuer.attempts);
        // Closed, until turns are taken.
        let (_, mut started) = mpsc::unbounded_channel();

        let mut running = JoinSet::new();
        let result = {
            let stopping = attempts.stopping.clone();
            let services = &mut services.coalescers;
            let dequeuing = dequeuer.run(&mut running, &mut started, services, &stopping);
            let mut dequeuing = pin!(dequeuing);
            let result = tokio::select! {
                result = &mut dequeuing => result,
                () = shutdown => {
                    stopping.cancel();
                    dequeuing.await
                }
            };
            stopping.cancel();
            result
        };
        let finish = finish(&dequeuer, &mut started, &mut running);
        if timeout(drain_timeout, finish).await.is_err() {
            cancel(&mut running, &attempts.expired).await;
        }

        // Heartbeats and ticks continue while runs are drained.
        services.end().await;
        dequeuer.link.close().await;
        attempts.calls.close().await;
        result
    }

    /// Starts the services that run beside the dequeues.
    fn start(self, services: &mut Services) -> Result<Dequeuer, Error> {
        let Self {
            database,
            config,
            tasks,
        } = self;
        let identity = config.identity.clone().completed();
        let link = || Link::new(database.clone(), config.link.clone());
        let held = Arc::new(HeldRuns::default());
        let heartbeat = HeartbeatLoop {
            held: Arc::clone(&held),
            link: link(),
            identity: identity.clone(),
            presence: presence(&config),
            call_timeout: config.link.call_timeout,
        };
        services.heartbeat = Some(heartbeat.start(services.stop.clone())?);
        if let Some(interval) = config.timekeeper {
            let timekeeper = TimekeeperConfig {
                interval,
                link: config.link.clone(),
                ..TimekeeperConfig::default()
            };
            let timekeeper = Timekeeper::new(database.clone(), timekeeper);
            services
                .tasks
                .spawn(keep_time(timekeeper, services.stop.clone()));
        }
        let links = (0..config.attempt_connections.max(1)).map(|_| Arc::new(link()));
        let calls = RunCalls::new(
            links.collect(),
            identity.clone(),
            config.batching,
            &mut services.coalescers,
        );
        let permits = capacity(&config);
        Ok(Dequeuer {
            attempts: Arc::new(Attempts {
                held,
                calls: Arc::new(calls),
                permits: Arc::new(HandlerPermits::new(config.concurrency, tasks.limits())),
                tasks,
                retry: config.retry,
                handover: config.handover,
                trail: Trail::default(),
                stopping: CancellationToken::new(),
                expired: CancellationToken::new(),
            }),
            link: Arc::new(link()),
            permits: Arc::new(Semaphore::new(to_permits(permits))),
            max_batch: config.max_batch.max(1),
            idle: config.idle,
            dequeue: dequeue(&config),
            identity: Arc::new(identity),
            batching: config.batching,
            prefetches: config.prefetch > 0,
        })
    }
}

/// The services that run beside the dequeues. All of them end when this is dropped.
#[derive(Debug)]
struct Services {
    stop: CancellationToken,
    tasks: JoinSet<()>,
    coalescers: JoinSet<()>,
    /// Notified when the heartbeat's thread has ended.
    heartbeat: Option<oneshot::Receiver<()>>,
}

impl Services {
    fn new() -> Self {
        Self {
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
            coalescers: JoinSet::new(),
            heartbeat: None,
        }
    }

    async fn end(mut self) {
        self.stop.cancel();
        end(&mut self.tasks).await;
        // No attempt calls any more.
        self.coalescers.shutdown().await;
        if let Some(ended) = self.heartbeat.take()
            && timeout(END_TIMEOUT, ended).await.is_err()
        {
            tracing::error!("the heartbeat did not end in time");
        }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.stop.cancel();
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

/// A worker that may not tick still works; another session must tick then.
async fn keep_time(timekeeper: Timekeeper, drained: CancellationToken) {
    if let Err(error) = timekeeper.run(drained.cancelled_owned()).await {
        tracing::error!(%error, "this worker's timekeeper gave up");
    }
}

/// Lets runs finish, also those that the last turn has started.
async fn finish(dequeuer: &Dequeuer, started: &mut Started, running: &mut JoinSet<()>) {
    let mut is_open = true;
    while is_open || !running.is_empty() {
        tokio::select! {
            run = started.recv(), if is_open => match run {
                Some(Ok(run)) => dequeuer.execute(run, running),
                Some(Err(error)) => tracing::debug!(%error, "the last turn failed"),
                None => is_open = false,
            },
            _ = running.join_next(), if !running.is_empty() => {}
        }
    }
}

/// Cancels runs that have not finished in time.
async fn cancel(running: &mut JoinSet<()>, expired: &CancellationToken) {
    let runs = running.len();
    tracing::warn!(runs, "the drain timeout passed, handlers are cancelled");
    expired.cancel();
    end(running).await;
}

/// Waits for tasks that were told to end.
async fn end(tasks: &mut JoinSet<()>) {
    let finish = async { while tasks.join_next().await.is_some() {} };
    if timeout(END_TIMEOUT, finish).await.is_err() {
        tracing::error!(tasks = tasks.len(), "tasks did not end in time");
        tasks.abort_all();
    }
}
