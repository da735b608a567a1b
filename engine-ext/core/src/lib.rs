//! The decisions of the run engine: what may happen to a run, and what it becomes.
//!
//! Everything here is pure: no Postgres, no clock, no randomness, no I/O. Time, jitter and ids come in as arguments. The
//! extension calls it under the run's lock; the tests use it as the oracle.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod admission;
mod attempt;
mod backoff;
mod batch;
mod batch_request;
mod cancel;
mod checkpoint;
mod completion;
mod dequeue;
mod entity_id;
mod environment;
mod environment_change;
mod error;
mod heartbeat;
mod id;
mod machine;
mod plan;
mod queue;
mod refusal;
mod retry;
mod run_batch;
mod sanitize;
mod stall;
mod status;
mod time;
mod timer;
mod transition;
mod trigger;
mod trigger_options;
mod wait;
mod waitpoint;
mod worker_queue;

pub use admission::{Lane, admit};
pub use attempt::{DEFAULT_MAX_ATTEMPTS, MAX_ATTEMPTS};
pub use backoff::Backoff;
pub use batch::{check_edges, check_max_events, check_max_items, check_pairs};
pub use batch_request::{BatchItem, NewBatch};
pub use cancel::{Cancel, DEFAULT_REASON};
pub use checkpoint::{CheckpointType, NewCheckpoint, Suspension, suspend};
pub use completion::{Completion, CompletionOf, Outcome};
pub use dequeue::DequeueRequest;
pub use entity_id::{BatchId, CheckpointId, WaitpointId};
pub use environment::{Environment, Queue};
pub use environment_change::{EnvironmentChange, LimitChange, QueueChange};
pub use error::{ErrorCode, RunError};
pub use heartbeat::Heartbeats;
pub use id::{RunId, Shard, SnapshotId};
pub use machine::{Machine, Machines, Preset};
pub use plan::{Carries, Finish, Move, Plan, Transition};
pub use refusal::Refusal;
pub use retry::{AskedRetry, RetrySettings};
pub use run_batch::{Batch, BatchEnd, BatchStatus};
pub use status::{AttemptStatus, EnvironmentType, ExecutionStatus, RunStatus};
pub use time::Timestamp;
pub use timer::TimerKind;
pub use transition::{Command, Run, Settings, decide};
pub use trigger::{Limits, NewRun, check_name};
pub use trigger_options::TriggerOptions;
pub use wait::{Blocker, Rest, Unblocking, Waiting, rest, unblock};
pub use waitpoint::{NewWaitpoint, Output, WaitpointStatus, WaitpointType, check_timeout};
pub use worker_queue::WorkerQueueOverrides;
