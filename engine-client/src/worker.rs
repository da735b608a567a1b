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
mod lane;
mod metric;
mod name;
mod panic;
mod pause;
mod permit;
mod place;
mod presence;
#[cfg(feature = "testing")]
mod rehearsed;
mod report;
mod retry;
mod run_calls;
mod run_permit;
#[cfg(feature = "testing")]
mod script;
mod service;
mod step;
mod stopwatch;
mod task;
mod turn_state;
mod turns;
mod wait;

use std::pin::pin;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::lane::{Lane, Shared};
use self::place::Place;
use self::service::Services;
use self::task::Tasks;
use crate::together::together;
use crate::{Cluster, Database, Error, Failure};

pub use self::config::{Batching, TaskOptions, WorkerConfig};
pub use self::context::Context;
pub use self::retry::RetryPolicy;
#[cfg(feature = "testing")]
pub(crate) use self::script::{Script, TokenEnd};

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
/// A worker [on a cluster](Self::on_cluster) does all that at every node at once, and what it has room for goes to the nodes in
/// turn. A node that is down delays only its own runs.
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
    place: Place,
    config: WorkerConfig,
    tasks: Tasks,
}

impl Worker {
    /// A worker for this database without handlers, with the default configuration.
    pub fn new(database: Database) -> Self {
        Self::at(Place::Database(Box::new(database)))
    }

    /// A worker for all nodes of this cluster. Tasks are the same as on one database: what they wait for is on the node of
    /// their run, and a run whose shard is moved is completed at its new node.
    ///
    /// The configuration is that of the whole worker: at all nodes together it executes no more than
    /// [`concurrency`](WorkerConfig::concurrency) runs. It has at each node the connections that a worker has at its database.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), engine_client::Error> {
    /// use engine_client::{Cluster, Context, Placement, Worker, shutdown_signal};
    ///
    /// let placement = Placement::new()
    ///     .node("node-a", "host=a.example.org dbname=app".parse()?, 0..=31)
    ///     .node("node-b", "host=b.example.org dbname=app".parse()?, 32..=63);
    /// Worker::on_cluster(Cluster::new(placement))
    ///     .task("double", |_ctx: Context, number: i64| async move { Ok(number * 2) })
    ///     .run(shutdown_signal())
    ///     .await
    /// # }
    /// ```
    pub fn on_cluster(cluster: Cluster) -> Self {
        Self::at(Place::Cluster(cluster))
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            config: WorkerConfig::default(),
            tasks: Tasks::default(),
        }
    }

    /// Where it executes runs.
    ///
    /// # Errors
    /// [`Setup`](crate::ErrorKind::Setup) if that is a cluster.
    #[cfg(feature = "testing")]
    pub(crate) fn database(&self) -> Result<&Database, Error> {
        match &self.place {
            Place::Database(database) => Ok(database),
            Place::Cluster(_) => Err(Error::setup("this helper needs a worker of one database")),
        }
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
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation). A server that is down is waited for. On a cluster, such an error
    /// of one node ends the worker; [`Setup`](crate::ErrorKind::Setup) also if the placement has no nodes, or is
    /// [routed](crate::Placement::routed).
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        metric::describe();
        let Self {
            place,
            config,
            tasks,
        } = self;
        let mut services = Services::new();
        let nodes = place.nodes()?;
        let shared = Shared::new(config, tasks, nodes.len());
        let mut lanes = Vec::new();
        for (name, database) in &nodes {
            let cluster = place.cluster();
            lanes.push(Lane::start(
                &shared,
                name,
                database,
                cluster,
                &mut services,
            )?);
        }
        let result = dequeue(&mut lanes, &shared.stopping, shutdown).await;
        let finishing = together(lanes.iter_mut().map(Lane::finish));
        if timeout(shared.config.drain_timeout, finishing)
            .await
            .is_err()
        {
            let runs: usize = lanes.iter().map(Lane::runs).sum();
            tracing::warn!(runs, "the drain timeout passed, handlers are cancelled");
            shared.expired.cancel();
            together(lanes.iter_mut().map(Lane::end)).await;
        }
        // Heartbeats and ticks continue while runs are drained.
        let closing = async {
            together(lanes.iter_mut().map(Lane::close)).await;
        };
        services.end(closing).await;
        result
    }
}

/// Dequeues from all nodes until `shutdown`, or until one of them cannot be used.
async fn dequeue(
    lanes: &mut [Lane],
    stopping: &CancellationToken,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let mut dequeuing = pin!(together(lanes.iter_mut().map(Lane::dequeue)));
    let results = tokio::select! {
        results = &mut dequeuing => results,
        () = shutdown => {
            stopping.cancel();
            dequeuing.await
        }
    };
    stopping.cancel();
    results.into_iter().collect()
}
