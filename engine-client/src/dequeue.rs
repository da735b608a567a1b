//! Dequeues.

use std::time::{Duration, SystemTime};

use serde::de::{DeserializeOwned, IntoDeserializer};
use serde_json::Value;
use tokio_postgres::Row;

use crate::time::{from_ms, from_seconds};
use crate::{Error, ExecutionStatus, RunId, RunStatus, SnapshotId};

/// Which runs to dequeue, and how many.
///
/// ```
/// use std::time::Duration;
///
/// use engine_client::Dequeue;
///
/// let dequeue = Dequeue::new("main").max_runs(10).wait(Duration::from_secs(30));
/// ```
#[derive(Debug, Clone)]
pub struct Dequeue {
    pub(crate) worker_queue: String,
    pub(crate) max_runs: i32,
    pub(crate) environment_id: Option<String>,
    pub(crate) worker_version: Option<String>,
    pub(crate) wait: Duration,
}

impl Default for Dequeue {
    fn default() -> Self {
        Self::new("main")
    }
}

impl Dequeue {
    /// One run of `worker_queue`, from any environment, without waiting.
    pub fn new(worker_queue: impl Into<String>) -> Self {
        Self {
            worker_queue: worker_queue.into(),
            max_runs: 1,
            environment_id: None,
            worker_version: None,
            wait: Duration::ZERO,
        }
    }

    /// Most runs to return. Fewer, or none, is normal.
    pub fn max_runs(mut self, max_runs: i32) -> Self {
        self.max_runs = max_runs;
        self
    }

    /// Only runs of this environment.
    pub fn environment_id(mut self, environment_id: impl Into<String>) -> Self {
        self.environment_id = Some(environment_id.into());
        self
    }

    /// The version of the worker's code.
    pub fn worker_version(mut self, worker_version: impl Into<String>) -> Self {
        self.worker_version = Some(worker_version.into());
        self
    }

    /// How long the server may wait for the first run. Kept to the millisecond. A dequeue that waits holds the
    /// snapshot of its statement: [`Engine::wait_for_runs`](crate::Engine::wait_for_runs) holds nothing.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

/// A dequeued run that is not started yet.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Dequeued {
    /// The run's bare id.
    pub run_id: RunId,
    /// The run's id with its prefix.
    pub run_friendly_id: String,
    /// The snapshot that a start must name.
    pub snapshot_id: SnapshotId,
    /// The snapshot's id with its prefix.
    pub snapshot_friendly_id: String,
    /// `PENDING_EXECUTING`.
    pub execution_status: ExecutionStatus,
    /// The run's status as its snapshot shows it.
    pub run_status: RunStatus,
    /// When the snapshot was written, by the server's clock.
    pub snapshot_created_at: SystemTime,
    /// Number of the next attempt; 1 for the first.
    pub attempt_number: i32,
    /// The task to execute.
    pub task: String,
    /// The input as text; [`payload`](Self::payload) parses it.
    pub payload: String,
    /// The media type of the payload.
    pub payload_type: String,
    /// The queue that the run waited in.
    pub queue: String,
    /// The part of the queue that the run counts against.
    pub concurrency_key: Option<String>,
    /// The worker queue that the run came from.
    pub worker_queue: String,
    /// The environment of the run.
    pub environment_id: String,
    /// The kind of environment, such as `PRODUCTION`.
    pub environment_type: Option<String>,
    /// The project of the environment.
    pub project_id: Option<String>,
    /// The organization of the environment.
    pub organization_id: Option<String>,
    /// The worker version that the run is bound to.
    pub worker_version: Option<String>,
    /// The image of that version.
    pub image: Option<String>,
    /// The machine preset with its limits.
    pub machine: Option<Value>,
    /// Limit on the number of attempts.
    pub max_attempts: Option<i32>,
    /// Time limit of an attempt.
    pub max_duration: Option<Duration>,
    /// Whether the run is a test.
    pub is_test: bool,
    /// Whether the run replays another one.
    pub is_replay: bool,
    /// Labels for readers.
    pub tags: Vec<String>,
    /// The caller's own data, which handlers may change.
    pub metadata: Option<Value>,
    /// The trace that the run continues.
    pub trace_context: Option<Value>,
    /// The checkpoint to restore from.
    pub checkpoint: Option<Value>,
    /// Waitpoints that were completed while the run waited: a JSON array.
    pub completed_waitpoints: Option<Value>,
    /// Time from the dequeue until the run must be started, or it counts as stalled.
    pub heartbeat: Duration,
    /// When the run was dequeued, by the server's clock.
    pub dequeued_at: SystemTime,
}

impl Dequeued {
    /// The input, parsed as JSON, or the text itself if the payload's type is `text/plain`.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind::Serialization) if the payload is not a `T`.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Error> {
        read_payload(&self.payload, &self.payload_type)
    }

    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        let max_duration_seconds: Option<i32> = row.try_get("max_duration_seconds")?;
        let tags: Option<Vec<String>> = row.try_get("tags")?;
        Ok(Self {
            run_id: row.try_get("run_id")?,
            run_friendly_id: row.try_get("run_friendly_id")?,
            snapshot_id: row.try_get("snapshot_id")?,
            snapshot_friendly_id: row.try_get("snapshot_friendly_id")?,
            execution_status: row.try_get("execution_status")?,
            run_status: row.try_get("run_status")?,
            snapshot_created_at: row.try_get("snapshot_created_at")?,
            attempt_number: row.try_get("attempt_number")?,
            task: row.try_get("task")?,
            payload: row.try_get("payload")?,
            payload_type: row.try_get("payload_type")?,
            queue: row.try_get("queue")?,
            concurrency_key: row.try_get("concurrency_key")?,
            worker_queue: row.try_get("worker_queue")?,
            environment_id: row.try_get("environment_id")?,
            environment_type: row.try_get("environment_type")?,
            project_id: row.try_get("project_id")?,
            organization_id: row.try_get("organization_id")?,
            worker_version: row.try_get("worker_version")?,
            image: row.try_get("image")?,
            machine: row.try_get("machine")?,
            max_attempts: row.try_get("max_attempts")?,
            max_duration: max_duration_seconds.map(from_seconds),
            is_test: row.try_get("is_test")?,
            is_replay: row.try_get("is_replay")?,
            tags: tags.unwrap_or_default(),
            metadata: row.try_get("metadata")?,
            trace_context: row.try_get("trace_context")?,
            checkpoint: row.try_get("checkpoint")?,
            completed_waitpoints: row.try_get("completed_waitpoints")?,
            heartbeat: from_ms(row.try_get("heartbeat_ms")?),
            dequeued_at: row.try_get("dequeued_at")?,
        })
    }
}

/// Parses a payload or an output according to its media type.
pub(crate) fn read_payload<T: DeserializeOwned>(
    payload: &str,
    payload_type: &str,
) -> Result<T, Error> {
    let read = if payload_type == "text/plain" {
        let text: serde::de::value::StrDeserializer<'_, serde_json::Error> =
            payload.into_deserializer();
        T::deserialize(text)
    } else {
        serde_json::from_str(payload)
    };
    Ok(read?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_read_by_its_type() {
        let json: u32 = read_payload("7", "application/json").unwrap();
        assert_eq!(json, 7);
        let text: String = read_payload("plain \"words\"", "text/plain").unwrap();
        assert_eq!(text, "plain \"words\"");
    }

    #[test]
    fn a_payload_of_another_shape_is_a_serialization_error() {
        let error = read_payload::<u32>("\"seven\"", "application/json").unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Serialization);
    }
}
