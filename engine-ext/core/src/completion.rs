//! How a worker reports the end of an attempt.

use serde_json::Value;

use crate::completion_json::{asked, success};
use crate::{AskedRetry, Limits, Refusal, RunError, RunId, SnapshotId, check_label};

/// The end of an attempt, as its worker reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Success or failure, with its result.
    pub outcome: Outcome,
    /// Time that the attempt used, milliseconds.
    pub usage_duration_ms: i64,
    /// The run's metadata as the worker last saw it, for the event runMetadataUpdated.
    pub metadata: Option<Value>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The handler returned.
    Success {
        /// The handler's result, opaque text.
        output: Option<String>,
        /// Media type of the result.
        output_type: String,
    },
    /// The handler failed, or did not finish.
    Failure {
        /// The error to store.
        error: RunError,
        /// The worker's request about a retry.
        retry: AskedRetry,
    },
}

impl Completion {
    /// A success with this output, JSON as text.
    ///
    /// # Errors
    /// [`Refusal::TooDeep`], [`Refusal::ReservedKey`], [`Refusal::NotJson`] (`22032`).
    pub fn success(output: Option<String>) -> Result<Self, Refusal> {
        success(output, None).map(Self::of)
    }

    /// A failure with this message; `retry` as in [`Self::parse`].
    ///
    /// # Errors
    /// [`Refusal::MalformedCompletion`] (`22032`) for a `retry` that cannot be read.
    pub fn failure(message: &str, retry: Option<&Value>) -> Result<Self, Refusal> {
        Ok(Self::of(Outcome::Failure {
            error: RunError::text(message),
            retry: asked(retry)?,
        }))
    }

    /// Refuses a completion that is too large to store.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`] (`54000`) for an output, an error or metadata over the limits, [`Refusal::InvalidValue`]
    /// (`22023`) for a media type that is too long.
    pub fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        match &self.outcome {
            Outcome::Success {
                output,
                output_type,
            } => {
                limits.check_payload("output", output.as_ref().map_or(0, String::len))?;
                check_label("outputType", Some(output_type))?;
            }
            Outcome::Failure { error, .. } => {
                limits.check_document("error", &error.to_json())?;
            }
        }
        match &self.metadata {
            Some(metadata) => limits.check_document("metadata", metadata),
            None => Ok(()),
        }
    }

    fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            usage_duration_ms: 0,
            metadata: None,
        }
    }
}

/// A completion and the run it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletionOf {
    /// The completed run.
    pub run_id: RunId,
    /// The snapshot that the caller holds.
    pub snapshot_id: SnapshotId,
    /// The end of its attempt.
    pub completion: Completion,
}

impl CompletionOf {
    /// Refuses a completion that is too large to store.
    ///
    /// # Errors
    /// As [`Completion::check`].
    pub fn check(self, limits: &Limits) -> Result<Self, Refusal> {
        self.completion.check(limits).map(|()| self)
    }
}
