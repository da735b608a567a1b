//! A thin driver for the run engine that lives inside Postgres.
//!
//! A service triggers a **run** of a task; a worker dequeues it, starts an **attempt**, keeps it with
//! heartbeats and completes it. All of that is SQL functions of the extension `engine`; this crate calls
//! them.
//!
//! - [`Engine`] has one method per function and no policy. It borrows any connection or transaction of
//!   [`tokio_postgres`], so that a run can be triggered in the transaction that needs it.
//! - [`Worker`] has all the policy: it executes handlers, beats, completes, reconnects and drains.
//! - [`Timekeeper`] sees to what is due, such as runs whose worker died. Every worker has one.
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
//!                 return Err(Failure::message("nobody to greet"));
//!             }
//!             Ok(format!("Hello {}, attempt {}", input.name, ctx.attempt_number()))
//!         })
//!         .run(shutdown_signal())
//!         .await
//! }
//! ```
//!
//! # What a handler may rely on
//!
//! A run is executed at least once and finishes once. An attempt may be cut short at any `await`: its
//! process may die, or the run may be cancelled or given to another worker after a heartbeat deadline has
//! passed. What a handler does outside the database should therefore bear repetition; the server refuses
//! the completion of an attempt that lost its run.
//!
//! # Logs
//!
//! The worker logs through [`tracing`], with ids and never with payloads or outputs.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod backoff;
mod batch;
mod cancel;
mod completion;
mod connection;
mod dequeue;
mod engine;
mod error;
mod event;
mod execution;
mod failure;
mod id;
mod limit;
mod link;
mod result;
mod shutdown;
mod snapshot;
mod statement;
mod status;
mod time;
mod timekeeper;
mod trigger;
mod wait;
mod watch;
mod worker;

pub use tokio_postgres;

pub use crate::backoff::BackoffRange;
pub use crate::batch::{AddedItem, Batch, BatchItem, NewBatch, SealedBatch};
pub use crate::cancel::{Cancel, Cancelled};
pub use crate::completion::{Completed, Completion};
pub use crate::connection::{Connection, Database};
pub use crate::dequeue::{Dequeue, Dequeued};
pub use crate::engine::{Engine, Identity, OfMany, Ticked};
pub use crate::error::{Error, ErrorKind};
pub use crate::event::{Event, Violation};
pub use crate::execution::{Execution, Heartbeat, Started};
pub use crate::failure::{Failure, RunError};
pub use crate::id::{BatchId, RunId, SnapshotId, WaitpointId};
pub use crate::limit::{Environment, EnvironmentChange, Queue, QueueChange};
pub use crate::link::LinkConfig;
pub use crate::result::RunResult;
pub use crate::shutdown::shutdown_signal;
pub use crate::snapshot::RunSnapshot;
pub use crate::status::{AttemptStatus, ExecutionStatus, RunStatus, UnknownStatus};
pub use crate::timekeeper::{Timekeeper, TimekeeperConfig};
pub use crate::trigger::{Trigger, Triggered};
pub use crate::wait::{
    Block, Blocked, Checkpoint, Checkpointed, CompletedWaitpoint, Unblocked, Waitpoint,
    WaitpointOptions,
};
pub use crate::watch::Watch;
pub use crate::worker::{Batching, Context, RetryPolicy, TaskOptions, Worker, WorkerConfig};
