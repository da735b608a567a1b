//! A thin driver for the run engine that lives inside Postgres.
//!
//! A service triggers a **run** of a task; a worker dequeues it, starts an **attempt**, keeps it with
//! heartbeats and completes it. All of that is SQL functions of the extension `engine`; this crate calls
//! them.
//!
//! - [`Engine`] has one method per function and no policy. It borrows any connection or transaction of
//!   [`tokio_postgres`], so that a run can be triggered in the transaction that needs it.
//! - [`Cluster`] makes the same calls on several databases that share the shards: each at the one that serves what
//!   it is about.
//! - [`Worker`] has all the policy: it executes handlers, beats, waits, completes, retries, reconnects and
//!   drains.
//! - [`Watch`] follows a run from outside: its snapshots, or only its result.
//! - [`Timekeeper`] drives what is due, such as requeuing runs whose worker died. Every worker has one.
//!
//! # Five minutes
//!
//! In a database with `create extension engine`:
//!
//! ```no_run
//! use engine_client::{Context, Database, Failure, Trigger, Worker, shutdown_signal};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Greeting {
//!     name: String,
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), engine_client::Error> {
//!     let database: Database = "host=/var/run/postgresql user=app dbname=app".parse()?;
//!
//!     // A service triggers …
//!     let connection = database.connect().await?;
//!     let greeting = Greeting { name: "Ada".into() };
//!     let trigger = Trigger::new("greet").payload(&greeting)?;
//!     let run = connection.engine().trigger(&trigger).await?;
//!     println!("triggered run {}", run.run_id);
//!
//!     // … and a worker, here in the same process, executes until SIGTERM or Ctrl-C.
//!     Worker::new(database)
//!         .task("greet", |ctx: Context, input: Greeting| async move {
//!             if input.name.is_empty() {
//!                 return Err(Failure::message("no name to greet"));
//!             }
//!             Ok(format!("Hello {}, attempt {}", input.name, ctx.attempt_number()))
//!         })
//!         .run(shutdown_signal())
//!         .await
//! }
//! ```
//!
//! # Triggering
//!
//! A run is part of the transaction that triggers it, on any connection of yours: it exists once that commits, and
//! disappears if it rolls back.
//!
//! ```
//! use engine_client::tokio_postgres::{Client, GenericClient};
//! use engine_client::{Engine, Trigger};
//!
//! async fn place(client: &mut Client, order: i64) -> Result<(), Box<dyn std::error::Error>> {
//!     let transaction = client.transaction().await?;
//!     transaction.execute("insert into orders values ($1)", &[&order]).await?;
//!     bill(&transaction, order).await?;
//!     transaction.commit().await?;
//!     Ok(())
//! }
//!
//! async fn bill(client: &impl GenericClient, order: i64) -> Result<(), engine_client::Error> {
//!     let trigger = Trigger::new("bill").payload(&order)?.queue("billing");
//!     Engine::new(client).trigger(&trigger).await?;
//!     Ok(())
//! }
//! ```
//!
//! [`Engine::trigger_many`] makes many runs with one statement. [`Watch`] waits for a result.
//!
//! # What a handler may rely on
//!
//! A run is executed at least once and finishes once. An attempt may be interrupted at any `await`: its process
//! may die, or the run may be cancelled, or passed to another worker after a missed heartbeat deadline. What a
//! handler does outside the database should therefore tolerate repetition; the server refuses the completion of an
//! attempt that lost its run.
//!
//! A failed attempt is retried as often as its run allows ([`Trigger::max_attempts`]), after the pauses of the
//! run's policy ([`Trigger::retry`], else its task's registration, else its environment), or of a [`RetryPolicy`]
//! of the worker, unless its [`Failure`] requests something else; without any of these a failure ends the run.
//! Through its [`Context`] a handler waits for time, for tokens and for other runs, and does a
//! [`step`](Context::step) once across all attempts. A run that waits for long may be
//! [suspended](TaskOptions::suspend_after).
//!
//! Handlers run on the threads of your runtime: blocking work belongs in [`tokio::task::spawn_blocking`].
//! Heartbeats have a thread of their own and continue even if all others are blocked; but a handler can only be
//! stopped at an `await`.
//!
//! # Errors
//!
//! [`Error::kind`] classifies an error; one table in the crate maps every SQLSTATE to its kind, and says whether
//! the same call may succeed later ([`Error::is_retryable`]). The worker repeats calls by that table, and only
//! those that tolerate it: every call about a run names its snapshot, so that a second try of a successful one is
//! refused, and changes nothing.
//!
//! # Connections
//!
//! A worker opens a connection each for dequeues, heartbeats and its timekeeper, and
//! [a few](WorkerConfig::attempt_connections) for starts and completions. Each is reopened when it is lost, with
//! growing pauses and jitter ([`LinkConfig`]). Connecting and every call have a time limit.
//!
//! - **Poolers**: all statements are unnamed and sent with their types, so that every call works behind a pooler
//!   in transaction mode. A [`Timekeeper`] leads there by a lock of one of the pooler's sessions, see its
//!   documentation. [`WorkerConfig::wait`] occupies a session of the pooler while it waits.
//! - **Several databases**: a worker [on a cluster](Worker::on_cluster) has these connections at each node.
//! - **TLS**: with the feature `tls`, through [rustls](https://docs.rs/rustls): `Database::tls`.
//!
//! # Logs and metrics
//!
//! The worker logs through [`tracing`], with ids and never with payloads or outputs. A failed attempt is logged as
//! a warning, with the beginning of its error. Each attempt has a span `attempt` with the fields `run_id`, `task`,
//! `number` and `traceparent`, from its trigger.
//!
//! With the feature `opentelemetry`, and a layer of
//! [`tracing-opentelemetry`](https://docs.rs/tracing-opentelemetry) in the service, these spans are exported as the
//! conventions for messaging want them. A trigger passes on its trace and its baggage (`Trigger::in_trace_of`), in the
//! form that the propagator of the process writes: with those of the W3C, `traceparent`, `tracestate` and `baggage`. Each attempt of its run
//! is a child of that span, and is linked to the attempt before it if the same worker made that; it may be linked to the span instead of
//! continuing its trace (`Trigger::linked_to`). A child that a handler triggers and waits for continues the span that is current
//! there, or, if its trigger has a trace of its own, is linked to that span. The example
//! [traced](https://docs.rs/crate/engine-client/latest/source/examples/traced.rs) exports all of it over OTLP.
//! Without the feature, [`Context::trace_context`] has what the trigger has passed.
//!
//! | attribute | of an attempt |
//! |---|---|
//! | name, kind | `process <queue>`, consumer; of a trigger `send <queue>`, producer |
//! | `messaging.system` | `engine` |
//! | `messaging.operation.name`, `.type` | `process` |
//! | `messaging.destination.name` | the queue |
//! | `messaging.consumer.group.name` | the worker queue |
//! | `messaging.client.id` | the worker's identity |
//! | `messaging.message.id`, `messaging.message.body.size` | the run, the bytes of its payload |
//! | `error.type` | the code or the type of the error of a failed attempt, whose span has the status error |
//! | `engine.environment.id`, `engine.run.status` | the environment; the run's status once the attempt is completed |
//!
//! Through the facade [`metrics`](https://docs.rs/metrics) it counts:
//!
//! | name | what |
//! |---|---|
//! | `engine_runs_dequeued_total{node}` | dequeued runs |
//! | `engine_runs_held{node}` | runs held now, executing or waiting |
//! | `engine_attempts_started_total{task}` | started attempts |
//! | `engine_attempts_completed_total{task,outcome,status}` | completed attempts: `success`, `failure` or `cancel`, and their attempt status |
//! | `engine_attempts_abandoned_total{task}` | attempts without a completion: lost, suspended, released, silent for too long |
//! | `engine_attempt_start_seconds` | from the dequeue to the start of the handler |
//! | `engine_attempt_seconds{task}` | how long handlers executed, without their waits |
//! | `engine_batch_runs{call}` | runs in one call, `start` or `complete` |
//! | `engine_heartbeat_seconds{node}` | how long a beat for all held runs took |
//! | `engine_heartbeats_failed_total{node}` | beats that failed and were repeated |
//! | `engine_calls_repeated_total{node}` | calls of a [`Cluster`] that failed at a node and were repeated there |
//! | `engine_calls_elsewhere_total{node}` | those that a node refused because it does not serve their shard |
//!
//! `node` is there on a [`Cluster`], where each node is counted apart.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod backoff;
mod batch;
mod bulk;
mod cancel;
mod cluster;
mod completion;
mod connection;
mod debounce;
mod dequeue;
mod doctor;
mod engine;
mod error;
mod event;
mod execution;
mod failure;
mod filter;
mod forget;
mod id;
mod limit;
mod link;
mod metric;
mod presence;
mod quota;
mod result;
mod retention;
mod schedule;
mod shard;
mod shutdown;
mod snapshot;
mod statement;
mod status;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
mod timekeeper;
mod together;
mod trace;
mod trigger;
mod version;
mod wait;
mod watch;
mod worker;

#[cfg(feature = "tls")]
pub use rustls;
pub use tokio_postgres;

pub use crate::backoff::BackoffRange;
pub use crate::batch::{AddedItem, Batch, BatchItem, NewBatch, SealedBatch};
pub use crate::bulk::{Bulk, BulkAction, BulkStart};
pub use crate::cancel::{Cancel, Cancelled};
pub use crate::cluster::{Cluster, ClusterConfig, Placement};
pub use crate::completion::{Completed, Completion};
pub use crate::connection::{Connection, Database};
pub use crate::debounce::Debounce;
pub use crate::dequeue::{Dequeue, Dequeued};
pub use crate::doctor::Finding;
pub use crate::engine::{Engine, Identity, OfMany, Ticked, WorkerTurn};
pub use crate::error::{Error, ErrorKind};
pub use crate::event::{Event, EventReader, Violation};
pub use crate::execution::{Execution, Heartbeat, Started};
pub use crate::failure::{Failure, RunError};
pub use crate::filter::RunFilter;
pub use crate::forget::ForgottenRun;
pub use crate::id::{BatchId, RunId, SnapshotId, WaitpointId};
pub use crate::limit::{Environment, EnvironmentChange, Queue, QueueChange};
pub use crate::link::LinkConfig;
pub use crate::metric::Metric;
pub use crate::presence::Presence;
pub use crate::quota::{Quota, QuotaChange};
pub use crate::result::RunResult;
pub use crate::retention::{KeptRuns, RetentionPolicy};
pub use crate::schedule::{Beginning, Schedule, ScheduleChange, ScheduledRun};
pub use crate::shard::Shard;
pub use crate::shutdown::shutdown_signal;
pub use crate::snapshot::RunSnapshot;
pub use crate::status::{AttemptStatus, ExecutionStatus, RunStatus, ShardState, UnknownStatus};
pub use crate::timekeeper::{Timekeeper, TimekeeperConfig};
pub use crate::trigger::{Trigger, Triggered};
pub use crate::version::{NewVersion, Version};
pub use crate::wait::{
    Block, Blocked, Checkpoint, Checkpointed, CompletedWaitpoint, Unblocked, Waitpoint,
    WaitpointOptions,
};
pub use crate::watch::Watch;
pub use crate::worker::{Batching, Context, RetryPolicy, TaskOptions, Worker, WorkerConfig};

/// The examples of the crate's page work as printed.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// So do those for users of other systems.
#[cfg(doctest)]
#[doc = include_str!("../migrate/river.md")]
#[doc = include_str!("../migrate/graphile-worker.md")]
#[doc = include_str!("../migrate/pg-boss.md")]
#[doc = include_str!("../migrate/pgmq.md")]
#[doc = include_str!("../migrate/trigger.dev.md")]
struct Migrate;
