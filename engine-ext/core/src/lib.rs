//! The decisions of the run engine: what may happen to a run, and what it becomes.
//!
//! Everything here is pure: no Postgres, no clock, no randomness, no I/O. Time, jitter and ids come in as arguments. The
//! extension calls it under the run's lock; the tests use it as the oracle.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod attempt;
mod backoff;
mod batch;
mod completion;
mod dequeue;
mod environment;
mod error;
mod id;
mod machine;
mod refusal;
mod stall;
mod status;
mod time;
mod transition;
mod trigger;
mod trigger_options;

pub use attempt::{DEFAULT_MAX_ATTEMPTS, MAX_ATTEMPTS};
pub use backoff::Backoff;
pub use batch::{check_max_items, check_pairs};
pub use completion::Completion;
pub use dequeue::DequeueRequest;
pub use environment::Environment;
pub use error::{ErrorCode, RunError};
pub use id::{RunId, Shard, SnapshotId};
pub use machine::Machine;
pub use refusal::Refusal;
pub use status::{AttemptStatus, EnvironmentType, ExecutionStatus, RunStatus};
pub use time::Timestamp;
pub use transition::{Command, Finish, Plan, Requeue, Run, StallPolicy, decide};
pub use trigger::{Limits, NewRun};
pub use trigger_options::TriggerOptions;
