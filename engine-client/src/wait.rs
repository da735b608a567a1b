//! Waitpoints, blocks and checkpoints.

use std::time::{Duration, SystemTime};

use tokio_postgres::Row;

use crate::time::from_ms;
use crate::{BatchId, Error, Execution, ExecutionStatus, SnapshotId, WaitpointId};

/// Options of a waitpoint. The default is one in the environment `default`, without a key and tags.
///
/// ```
/// use engine_client::WaitpointOptions;
///
/// let options = WaitpointOptions::default()
///     .idempotency_key("approve-order-17")
///     .tags(["approval"]);
/// ```
#[derive(Debug, Clone)]
pub struct WaitpointOptions {
    pub(crate) environment_id: String,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) idempotency_key_expires_at: Option<SystemTime>,
    pub(crate) tags: Vec<String>,
}

impl Default for WaitpointOptions {
    fn default() -> Self {
        Self {
            environment_id: "default".to_owned(),
            idempotency_key: None,
            idempotency_key_expires_at: None,
            tags: Vec::new(),
        }
    }
}

impl WaitpointOptions {
    /// The environment that the waitpoint belongs to. Default: `default`.
    pub fn environment_id(mut self, environment_id: impl Into<String>) -> Self {
        self.environment_id = environment_id.into();
        self
    }

    /// Until the key expires, the waitpoint is created once.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// When the key expires. Default: never.
    pub fn idempotency_key_expires_at(mut self, at: SystemTime) -> Self {
        self.idempotency_key_expires_at = Some(at);
        self
    }

    /// Labels for readers.
    pub fn tags<I>(mut self, tags: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.tags = tags.into_iter().map(Into::into).collect();
        self
    }
}

/// A waitpoint that was created, or that existed with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waitpoint {
    /// The waitpoint's id.
    pub waitpoint_id: WaitpointId,
    /// Whether it is completed.
    pub is_completed: bool,
    /// Whether it existed before the call.
    pub is_cached: bool,
}

impl Waitpoint {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        let status: &str = row.try_get("status")?;
        Ok(Self {
            waitpoint_id: row.try_get("waitpoint_id")?,
            is_completed: status == "COMPLETED",
            is_cached: row.try_get("is_cached")?,
        })
    }
}

/// A waitpoint completed by this call or an earlier one: the first output wins.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompletedWaitpoint {
    /// The waitpoint's id.
    pub waitpoint_id: WaitpointId,
    /// The output that completed it.
    pub output: Option<String>,
    /// The media type of the output.
    pub output_type: String,
    /// Whether the wait failed.
    pub output_is_error: bool,
    /// Whether it was completed before this call.
    pub already_completed: bool,
}

impl CompletedWaitpoint {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            waitpoint_id: row.try_get("waitpoint_id")?,
            output: row.try_get("output")?,
            output_type: row.try_get("output_type")?,
            output_is_error: row.try_get("output_is_error")?,
            already_completed: row.try_get("already_completed")?,
        })
    }
}

/// The waitpoints that a run waits for.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use engine_client::{Block, WaitpointId};
///
/// let token = WaitpointId::new("cm3p6vnxk0001yz3xh0d9w2bq");
/// let block = Block::on([token]).timeout_at(SystemTime::now() + Duration::from_secs(3600));
/// ```
#[derive(Debug, Clone)]
pub struct Block {
    pub(crate) waitpoint_ids: Vec<WaitpointId>,
    pub(crate) batch_id: Option<BatchId>,
    pub(crate) batch_indexes: Option<Vec<i32>>,
    pub(crate) timeout_at: Option<SystemTime>,
    pub(crate) span_id: Option<String>,
    pub(crate) snapshot_id: Option<SnapshotId>,
}

impl Block {
    /// Waits for all of these waitpoints.
    pub fn on<I>(waitpoint_ids: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<WaitpointId>,
    {
        Self {
            waitpoint_ids: waitpoint_ids.into_iter().map(Into::into).collect(),
            batch_id: None,
            batch_indexes: None,
            timeout_at: None,
            span_id: None,
            snapshot_id: None,
        }
    }

    /// The batch that the wait is about, and the index of each waitpoint in the run's results.
    pub fn batch(mut self, batch_id: impl Into<BatchId>, indexes: Vec<i32>) -> Self {
        self.batch_id = Some(batch_id.into());
        self.batch_indexes = Some(indexes);
        self
    }

    /// When waitpoints that are still pending are completed with an error.
    pub fn timeout_at(mut self, at: SystemTime) -> Self {
        self.timeout_at = Some(at);
        self
    }

    /// A span that ends with the wait; the event `cachedRunCompleted` contains it.
    pub fn span_id(mut self, span_id: impl Into<String>) -> Self {
        self.span_id = Some(span_id.into());
        self
    }

    /// The snapshot with which the caller holds the run: if another attempt executes it, the wait is refused.
    pub fn snapshot_id(mut self, snapshot_id: impl Into<SnapshotId>) -> Self {
        self.snapshot_id = Some(snapshot_id.into());
        self
    }
}

/// A waiting run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocked {
    /// The run, with the snapshot that heartbeats and the completion must name.
    pub execution: Execution,
    /// Time until the next heartbeat must come.
    pub heartbeat: Option<Duration>,
    /// Number of waitpoints still pending. If there are none, [`unblock`](crate::Engine::unblock) continues the
    /// run at once, and otherwise the next tick does.
    pub pending_count: i32,
}

impl Blocked {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        let heartbeat_ms: Option<i64> = row.try_get("heartbeat_ms")?;
        Ok(Self {
            execution: Execution::from_row(row)?,
            heartbeat: heartbeat_ms.map(from_ms),
            pending_count: row.try_get("pending_count")?,
        })
    }
}

/// Whether a run continued.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unblocked {
    /// `unblocked`, `blocked`, or `skipped` for a run that does not wait.
    pub status: String,
    /// Why a run was skipped.
    pub reason: Option<String>,
    /// The run after the call.
    pub execution: Execution,
}

impl Unblocked {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            status: row.try_get("status")?,
            reason: row.try_get("reason")?,
            execution: Execution::from_row(row)?,
        })
    }
}

/// Where a run's frozen process is stored.
///
/// ```
/// use engine_client::Checkpoint;
///
/// let checkpoint = Checkpoint::new("DOCKER", "registry.example/frozen/17").reason("waits for a day");
/// ```
#[derive(Debug, Clone)]
pub struct Checkpoint {
    pub(crate) kind: String,
    pub(crate) location: String,
    pub(crate) image_ref: Option<String>,
    pub(crate) reason: Option<String>,
}

impl Checkpoint {
    /// A checkpoint of a kind, `DOCKER`, `KUBERNETES` or `COMPUTE`, stored at `location`.
    pub fn new(kind: impl Into<String>, location: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            location: location.into(),
            image_ref: None,
            reason: None,
        }
    }

    /// The image that restores it.
    pub fn image_ref(mut self, image_ref: impl Into<String>) -> Self {
        self.image_ref = Some(image_ref.into());
        self
    }

    /// Why the process was frozen.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// The outcome of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkpointed {
    /// Whether the run is suspended. If not, it has moved on, and the checkpoint may be deleted.
    pub ok: bool,
    /// Why the run is not suspended.
    pub error: Option<String>,
    /// The run's latest snapshot.
    pub snapshot_id: SnapshotId,
    /// Execution status of the run.
    pub execution_status: ExecutionStatus,
    /// The checkpoint's id.
    pub checkpoint_id: Option<String>,
}

impl Checkpointed {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            ok: row.try_get("ok")?,
            error: row.try_get("error")?,
            snapshot_id: row.try_get("snapshot_id")?,
            execution_status: row.try_get("execution_status")?,
            checkpoint_id: row.try_get("checkpoint_id")?,
        })
    }
}
