//! The decisions of the run engine: what may happen to a run, and what it becomes.
//!
//! Everything here is pure: no Postgres, no clock, no randomness, no I/O. Time, jitter and ids come in as arguments. The
//! extension calls it under the run's lock; the tests use it as the oracle.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod assignment;
mod attempt;
mod backoff;
mod batch;
mod batch_request;
mod bound;
mod bulk;
mod cancel;
mod capability;
mod checkpoint;
mod completion;
mod completion_json;
mod cron;
mod debounce;
mod delay;
mod dequeue;
mod doctor;
mod document;
mod document_reader;
mod duration;
mod entity_id;
mod environment;
mod environment_change;
mod environment_limit;
mod error;
mod error_code;
mod event_reader;
mod failure;
mod fingerprint;
mod forget;
mod heartbeat;
mod idempotency;
mod keep;
mod kept_run;
mod lane;
mod machine;
mod new_run;
mod pause;
mod pending;
mod plan;
mod queue;
mod quota;
mod quota_change;
mod quota_use;
mod refusal;
mod registration;
mod release;
mod repeat;
mod retention;
mod retry;
mod retry_settings;
mod rotation;
mod run;
mod run_batch;
mod run_filter;
mod sanitize;
mod schedule;
mod scheduled_run;
mod shard;
mod shard_state;
mod snapshot_id;
mod spread;
mod stall;
mod status;
mod test_clock;
mod time;
mod timer;
mod transfer;
mod transition;
mod transition_kind;
mod trigger;
mod trigger_argument;
mod trigger_json;
mod trigger_options;
mod trigger_value;
mod ttl;
mod turn;
mod version;
mod wait;
mod waitpoint;
mod waitpoint_output;
mod wall;
mod worker_queue;

pub use assignment::Assignment;
pub use attempt::{DEFAULT_MAX_ATTEMPTS, MAX_ATTEMPTS, first_attempt};
pub use backoff::Backoff;
pub use batch::{check_edges, check_max_events, check_max_items, check_pairs};
pub use batch_request::{BatchItem, NewBatch};
pub use bound::{Limits, check_label};
pub use bulk::{BulkAction, BulkReach, BulkVerb, most_expected};
pub use cancel::{Cancel, DEFAULT_REASON};
pub use capability::{
    Capabilities, Capability, EVERYWHERE, ROUTINES, Rights, Scope, is_of_the_database,
};
pub use checkpoint::{CheckpointType, NewCheckpoint, Suspension, suspend};
pub use completion::{Completion, CompletionOf, Outcome};
pub use cron::Cron;
pub use debounce::{Debounce, DebounceLimits, Debounced, Meeting};
pub use delay::{Timing, check_delay_until};
pub use dequeue::{DequeueRequest, looks_again, turn_request};
pub use doctor::check_patience;
pub use document::{JSON_TYPE, MAX_DEPTH, check_depth, check_text, read as read_document};
pub use entity_id::{BatchId, BulkId, CheckpointId, RunId, WaitpointId};
pub use environment::{Environment, Queue};
pub use environment_change::{EnvironmentChange, LimitChange, QueueChange};
pub use environment_limit::SlotLimits;
pub use error::RunError;
pub use error_code::ErrorCode;
pub use event_reader::{
    DEFAULT_MAX_LAG_MS, EVENTS_PER_ROW, Hold, check_kept, check_max_lag, check_reached,
};
pub use failure::Failure;
pub use forget::Forgotten;
pub use heartbeat::Heartbeats;
pub use idempotency::{IdempotencyKey, KeyKind, check_key_expiry, digest_of, is_key_free};
pub use keep::{KeepEnd, check_details, read_keep};
pub use kept_run::{KeptRun, KeptRuns, RunOutcome, check_keep};
pub use lane::{Lane, choose};
pub use machine::{Machine, Machines, Preset};
pub use new_run::NewRun;
pub use pause::{Pause, PauseChange};
pub use plan::{Carries, Finish, Move, Plan};
pub use quota::{Exceeded, Quota};
pub use quota_change::QuotaChange;
pub use quota_use::QuotaUse;
pub use refusal::Refusal;
pub use registration::Registration;
pub use release::Release;
pub use repeat::{Asked, Next};
pub use retention::Retention;
pub use retry::AskedRetry;
pub use retry_settings::RetrySettings;
pub use rotation::{RotationState, fair_share};
pub use run::Run;
pub use run_batch::{Batch, BatchEnd, BatchStatus};
pub use run_filter::RunFilter;
pub use schedule::{Beginning, Schedule, Spreading};
pub use shard::Shard;
pub use shard_state::{ShardRecord, ShardState, Shards};
pub use snapshot_id::SnapshotId;
pub use spread::{Phase, Window, ahead_ms, spread};
pub use status::{AttemptStatus, EnvironmentType, ExecutionStatus, RunStatus};
pub use test_clock::check_test_clock;
pub use time::Timestamp;
pub use timer::TimerKind;
pub use transfer::Transfer;
pub use transition::{Command, Settings, decide};
pub use transition_kind::Transition;
pub use trigger_argument::{Arguments, TriggerArguments};
pub use trigger_options::TriggerOptions;
pub use trigger_value::check_name;
pub use turn::NamedTurn;
pub use version::{Demand, Obstacle, ParkReason, Task, WorkerVersion, compare_versions};
pub use wait::{Blocker, Held, Rest, Unblocking, Waiting, rest, unblock};
pub use waitpoint::{
    MAX_COPIED, MAX_KEY_BYTES, NewWaitpoint, WaitpointStatus, WaitpointType, check_copied,
    check_timeout, own_keys,
};
pub use waitpoint_output::Output;
pub use worker_queue::WorkerQueueOverrides;
