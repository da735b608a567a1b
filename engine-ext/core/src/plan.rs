//! The outcome of a decision: everything that the statement writes that applies it.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::{
    AttemptStatus, ExecutionStatus, Run, RunError, RunStatus, Settings, Timestamp, Transition,
};

/// The outcome of a decision about a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// QUEUED → PENDING_EXECUTING.
    Dequeue {
        /// Limit on the number of attempts.
        max_attempts: i32,
    },
    /// → EXECUTING, with the next attempt.
    Start {
        /// Number of the attempt.
        attempt_number: i32,
    },
    /// → FINISHED.
    Finish(Box<Finish>),
    /// → any other status.
    Move(Box<Move>),
    /// A snapshot that is not valid, then optionally the end.
    Refuse {
        /// The problem, in words.
        error: String,
        /// The end, if the run ends.
        finish: Option<Box<Finish>>,
    },
    /// Notifies the worker again.
    Notify,
    /// Changes nothing.
    Keep,
}

/// How a run ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// The cause of the end.
    pub transition: Transition,
    /// Final status.
    pub run_status: RunStatus,
    /// Text of the last snapshot.
    pub description: Cow<'static, str>,
    /// The handler's result.
    pub output: Option<String>,
    /// Media type of the result.
    pub output_type: Option<String>,
    /// The error to store.
    pub error: Option<Value>,
    /// Total time of its attempts, milliseconds.
    pub usage_duration_ms: i32,
    /// Cost of that time, cents.
    pub cost_in_cents: f64,
    /// When it ended; `None` keeps the stored time.
    pub completed_at: Option<Timestamp>,
    /// Whether the queue gave it up.
    pub is_dead_lettered: bool,
    /// Detail for its events.
    pub detail: Option<Value>,
}

/// How a run continues. What it holds follows from its new status: a queue item, a deadline, a slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// The cause of the move.
    pub transition: Transition,
    /// New execution status.
    pub execution_status: ExecutionStatus,
    /// New run status.
    pub run_status: RunStatus,
    /// Text of the snapshot.
    pub description: Cow<'static, str>,
    /// Whether the snapshot records the calling worker.
    pub is_callers: bool,
    /// Earliest dequeue, if it is queued.
    pub available_at: Option<Timestamp>,
    /// When it expires in its queue. A requeued run does not expire.
    pub expires_at: Option<Timestamp>,
    /// Whether its queue item counts against the maximum size of the queue.
    pub is_sized: bool,
    /// How often it was requeued because its worker was lost.
    pub queue_attempts: i32,
    /// How many of its attempts do not count against the limit.
    pub released_attempts: i32,
    /// What the snapshot inherits from its predecessor.
    pub carries: Carries,
    /// The batch that the run waits for from this snapshot on.
    pub batch_id: Option<String>,
    /// New checkpoint.
    pub checkpoint_id: Option<String>,
    /// The waitpoints whose completion the snapshot records: an object of two arrays, `ids` and `order`.
    pub waitpoints: Option<Value>,
    /// New machine; `None` keeps the stored one.
    pub machine: Option<String>,
    /// Total time of its attempts, milliseconds.
    pub usage_duration_ms: i32,
    /// Cost of that time, cents.
    pub cost_in_cents: f64,
    /// The error to store.
    pub error: Option<Value>,
    /// When it ended; `None` keeps the stored time.
    pub completed_at: Option<Timestamp>,
    /// Why it is parked.
    pub status_reason: Option<String>,
    /// Detail for its events.
    pub detail: Option<Value>,
    /// The answer to a completion.
    pub attempt_status: Option<AttemptStatus>,
    /// When the next attempt may start, after a failed one.
    pub retry_at: Option<Timestamp>,
}

/// What a snapshot inherits from its predecessor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carries {
    /// The batch that the run waits for.
    pub batch: bool,
    /// The latest checkpoint.
    pub checkpoint: bool,
    /// The waitpoints whose completion it recorded.
    pub waitpoints: bool,
}

impl Carries {
    /// Everything.
    pub const WAIT: Self = Self {
        batch: true,
        checkpoint: true,
        waitpoints: true,
    };
}

impl Run {
    /// A move of this run to another status that keeps everything else.
    pub(crate) fn moved(
        &self,
        transition: Transition,
        execution_status: ExecutionStatus,
        run_status: RunStatus,
        description: &'static str,
    ) -> Move {
        Move {
            transition,
            execution_status,
            run_status,
            description: Cow::Borrowed(description),
            is_callers: false,
            available_at: None,
            expires_at: None,
            is_sized: false,
            queue_attempts: self.queue_attempts,
            released_attempts: self.released_attempts,
            carries: Carries::default(),
            batch_id: None,
            checkpoint_id: None,
            waitpoints: None,
            machine: self.machine.clone(),
            usage_duration_ms: self.usage_duration_ms,
            cost_in_cents: self.cost_in_cents,
            error: self.error.clone(),
            completed_at: None,
            status_reason: self.status_reason.clone(),
            detail: None,
            attempt_status: None,
            retry_at: None,
        }
    }

    /// Ends this run in `run_status` now, after `duration_ms` more milliseconds.
    pub(crate) fn ended(
        &self,
        transition: Transition,
        run_status: RunStatus,
        description: &'static str,
        duration_ms: i64,
        settings: &Settings,
    ) -> Finish {
        let (usage_duration_ms, cost_in_cents) = self.usage_after(duration_ms, &settings.machines);
        Finish {
            transition,
            run_status,
            description: Cow::Borrowed(description),
            output: None,
            output_type: None,
            error: None,
            usage_duration_ms,
            cost_in_cents,
            completed_at: Some(settings.now),
            is_dead_lettered: false,
            detail: None,
        }
    }

    /// Ends this run with `error`.
    pub(crate) fn failed(
        &self,
        error: &RunError,
        description: &'static str,
        duration_ms: i64,
        settings: &Settings,
    ) -> Finish {
        let status = error.final_status(self.environment_type);
        Finish {
            error: Some(error.to_json()),
            ..self.ended(
                Transition::Failed,
                status,
                description,
                duration_ms,
                settings,
            )
        }
    }
}

/// Detail for the events of a retry.
pub(crate) fn retry_detail(
    error: &RunError,
    retry_at: Timestamp,
    next_machine: Option<&str>,
) -> Value {
    let mut detail = json!({"error": error.to_json(), "retryAt": retry_at.to_rfc3339()});
    if let (Some(machine), Some(object)) = (next_machine, detail.as_object_mut()) {
        object.insert("nextMachineAfterOOM".to_owned(), json!(machine));
    }
    detail
}

impl Plan {
    /// A plan that ends the run.
    pub(crate) fn finish(finish: Finish) -> Self {
        Self::Finish(Box::new(finish))
    }

    /// A plan that moves the run.
    pub(crate) fn to(moved: Move) -> Self {
        Self::Move(Box::new(moved))
    }
}
