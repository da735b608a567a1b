//! Results of runs.

use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_postgres::Row;

use crate::dequeue::read_payload;
use crate::time::from_ms;
use crate::{Error, ExecutionStatus, RunId, RunStatus, SnapshotId};

/// The status of a run, with its output or error once it has ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunResult {
    /// The run's bare id.
    pub run_id: RunId,
    /// The run's latest snapshot.
    pub snapshot_id: SnapshotId,
    /// Status for the run's owner.
    pub run_status: RunStatus,
    /// Execution status of the run.
    pub execution_status: ExecutionStatus,
    /// Number of the attempt that started last; none before the first.
    pub attempt_number: Option<i32>,
    /// The output as text, if the run succeeded; [`output`](Self::output) parses it.
    pub output: Option<String>,
    /// The media type of the output.
    pub output_type: Option<String>,
    /// The error, with its `type` and the keys of that type, if the run failed or was cancelled.
    pub error: Option<Value>,
    /// When the run ended, by the server's clock.
    pub completed_at: Option<SystemTime>,
    /// Total time of its attempts, as their workers reported it.
    pub usage: Duration,
}

impl RunResult {
    /// Whether the run has ended: then nothing about it changes any more.
    pub fn is_finished(&self) -> bool {
        self.execution_status == ExecutionStatus::Finished
    }

    /// Whether the run has ended and succeeded.
    pub fn is_success(&self) -> bool {
        self.run_status == RunStatus::CompletedSuccessfully
    }

    /// The output, parsed as JSON, or the text itself if its type is `text/plain`. Without an output, the value
    /// that `null` parses to.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind::Serialization) if the output is not a `T`.
    pub fn output<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let output = self.output.as_deref().unwrap_or("null");
        read_payload(output, self.output_type.as_deref().unwrap_or_default())
    }

    /// The error's message, in one line; none without an error.
    pub fn error_message(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        let text = |key: &str| error[key].as_str().map(str::to_owned);
        let message = text("message").or_else(|| text("raw"));
        Some(message.or_else(|| text("code")).unwrap_or_default())
    }

    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        let usage_ms: i32 = row.try_get("usage_duration_ms")?;
        Ok(Self {
            run_id: row.try_get("run_id")?,
            snapshot_id: row.try_get("snapshot_id")?,
            run_status: row.try_get("run_status")?,
            execution_status: row.try_get("execution_status")?,
            attempt_number: row.try_get("attempt_number")?,
            output: row.try_get("output")?,
            output_type: row.try_get("output_type")?,
            error: row.try_get("error")?,
            completed_at: row.try_get("completed_at")?,
            usage: from_ms(usage_ms.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn result(output: Option<&str>, error: Option<Value>) -> RunResult {
        RunResult {
            run_id: "r".into(),
            snapshot_id: "s".into(),
            run_status: RunStatus::CompletedSuccessfully,
            execution_status: ExecutionStatus::Finished,
            attempt_number: Some(1),
            output: output.map(str::to_owned),
            output_type: Some("application/json".to_owned()),
            error,
            completed_at: None,
            usage: Duration::ZERO,
        }
    }

    #[test]
    fn an_output_is_read_and_none_is_null() {
        assert_eq!(
            result(Some("[1,2]"), None).output::<Vec<i32>>().unwrap(),
            [1, 2]
        );
        assert_eq!(result(None, None).output::<Option<i32>>().unwrap(), None);
        assert!(result(Some("x"), None).output::<i32>().is_err());
    }

    #[test]
    fn every_type_of_error_has_a_message() {
        for (error, message) in [
            (json!({"type": "STRING_ERROR", "raw": "no"}), "no"),
            (
                json!({"type": "BUILT_IN_ERROR", "name": "E", "message": "no"}),
                "no",
            ),
            (json!({"type": "INTERNAL_ERROR", "code": "C"}), "C"),
        ] {
            let text = result(None, Some(error)).error_message();
            assert_eq!(text.as_deref(), Some(message));
        }
        assert_eq!(result(None, None).error_message(), None);
    }
}
