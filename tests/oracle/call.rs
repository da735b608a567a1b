//! A call as either engine receives it: a command with the ids of runs and snapshots filled in.

use engine_core::Timestamp;
use engine_harness::Held;
use serde_json::{Value, json};

use crate::command::{Cancel, End, Error, How, Options, Retry};

/// The worker in all calls with a worker.
pub const WORKER: &str = "worker";

/// One call.
#[derive(Debug, Clone)]
pub enum Call {
    /// Objects with the parameter names of `engine_trigger`.
    Trigger(Value),
    TriggerMany(Vec<Value>),
    Dequeue {
        max_runs: i32,
        environment_id: Option<String>,
    },
    Start(Held),
    Complete(Held, Value),
    CompleteMany(Vec<(Held, Value)>),
    Work {
        ends: Vec<(Held, Value)>,
        max_runs: i32,
        environment_id: Option<String>,
        turn_id: Option<String>,
    },
    Release(Held),
    Block(Held),
    Unblock(String),
    Beat(Held),
    BeatMany(Vec<Held>),
    Cancel(String, Cancel),
    Tick,
    Redrive(String),
    Replay(String),
    Lapse(String),
    /// The run is due since this moment, which is past.
    Due(String, Timestamp),
    Stray(String),
}

impl Call {
    /// Whether a worker makes it, with its ids.
    pub fn names_worker(&self) -> bool {
        match self {
            Self::Dequeue { .. }
            | Self::Stray(_)
            | Self::Start(_)
            | Self::Complete(..)
            | Self::CompleteMany(_)
            | Self::Work { .. }
            | Self::Release(_)
            | Self::Block(_) => true,
            Self::Trigger(_)
            | Self::TriggerMany(_)
            | Self::Unblock(_)
            | Self::Beat(_)
            | Self::BeatMany(_)
            | Self::Cancel(..)
            | Self::Tick
            | Self::Redrive(_)
            | Self::Replay(_)
            | Self::Lapse(_)
            | Self::Due(..) => false,
        }
    }

    /// Whether a history may make it again as it is: it names the snapshots that its caller held.
    pub fn may_be_made_again(&self) -> bool {
        self.names_worker() && !matches!(self, Self::Dequeue { .. } | Self::Stray(_))
    }
}

/// When a run ended, according to a cancel.
pub const CANCELLED_AT: &str = "2020-02-02T02:02:02.000002Z";

/// When the deadlines passed that a history lets lapse.
pub const LAPSED_AT: Timestamp = Timestamp::from_micros(0);

/// An element of `engine_complete_many`.
pub fn element((held, completion): &(Held, Value)) -> Value {
    json!({"run_id": held.run_id, "snapshot_id": held.snapshot_id, "completion": completion})
}

impl Options {
    /// A new run, in `worker_queue`.
    pub fn to_json(&self, worker_queue: &str, parent_run_id: Option<String>) -> Value {
        let environment_id = if self.is_in_development {
            "development"
        } else {
            "default"
        };
        // A run that only asks for several attempts gets the default delays, which jitter extends.
        let alone = self.max_attempts.filter(|attempts| *attempts > 1);
        let retry = self.retry.or_else(|| {
            Some(Retry {
                max_attempts: alone?,
                is_upgraded_when_out_of_memory: false,
            })
        });
        let retry = retry.map(|retry| {
            // Without jitter, so that the time of a retry can be predicted; and long, so that it does not come by
            // itself.
            let mut settings = json!({
                "maxAttempts": retry.max_attempts,
                "minTimeoutInMs": 3_600_000,
                "maxTimeoutInMs": 86_400_000,
                "randomize": false,
            });
            if retry.is_upgraded_when_out_of_memory {
                settings["outOfMemory"] = json!({"machine": "small-2x"});
            }
            settings
        });
        json!({
            "task": "test",
            "worker_queue": worker_queue,
            "environment_id": environment_id,
            "priority_ms": self.priority_ms,
            "max_attempts": self.max_attempts,
            "machine": self.machine,
            "retry": retry,
            "parent_run_id": parent_run_id,
        })
    }
}

impl End {
    /// The completion.
    pub fn to_json(&self) -> Value {
        let mut completion = match &self.how {
            How::Success { output } => json!({"ok": true, "output": output}),
            How::Failure {
                error,
                retry_delay_ms,
            } => {
                let mut completion = json!({"ok": false, "error": error.to_json()});
                if let Some(delay) = retry_delay_ms {
                    completion["retry"] = json!({"delay": delay});
                }
                completion
            }
            How::Malformed => json!({"ok": false}),
        };
        completion["usage"] = json!({"durationMs": self.duration_ms});
        completion
    }
}

impl Error {
    fn to_json(self) -> Value {
        match self {
            Self::Text => json!({"type": "STRING_ERROR", "raw": "no"}),
            Self::BuiltIn => {
                json!({"type": "BUILT_IN_ERROR", "name": "E", "message": "m", "stackTrace": "at 1"})
            }
            Self::Custom => json!({"type": "CUSTOM_ERROR", "raw": "{\"a\": 1}"}),
            Self::Internal(code) => json!({"type": "INTERNAL_ERROR", "code": code}),
            Self::Exited(signal) => json!({
                "type": "INTERNAL_ERROR",
                "code": "TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE",
                "message": format!("exited with {signal}"),
            }),
        }
    }
}
