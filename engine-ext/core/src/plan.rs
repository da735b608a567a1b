//! What becomes of a run: everything that the statement writes which applies a decision.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::status::named;
use crate::{AttemptStatus, ExecutionStatus, Run, RunError, RunStatus, Settings, Timestamp};

named! {
    /// What wrote a snapshot. The view `engine.event` says which events that is.
    Transition {
        /// A trigger whose run goes into its queue.
        Triggered = "TRIGGERED",
        /// A trigger whose run waits for its time.
        TriggeredDelayed = "TRIGGERED_DELAYED",
        /// A run that was cancelled before it was.
        CreatedCanceled = "CREATED_CANCELED",
        /// A run that could not be triggered.
        CreatedFailed = "CREATED_FAILED",
        /// Its time came.
        DelayEnded = "DELAY_ENDED",
        /// Its time was moved.
        Rescheduled = "RESCHEDULED",
        /// Its time to live passed in the queue.
        Expired = "EXPIRED",
        /// No version knows its task.
        Parked = "PARKED",
        /// A version knows its task.
        Promoted = "PROMOTED",
        /// Handed to a worker.
        Dequeued = "DEQUEUED",
        /// Handed its slot while its process is alive.
        ContinuedInQueue = "CONTINUED_IN_QUEUE",
        /// A record of what went wrong; the snapshot is not valid.
        Refused = "REFUSED",
        /// No worker started it in time, or its worker gave it back.
        Requeued = "REQUEUED",
        /// An attempt started.
        Started = "STARTED",
        /// A restored worker goes on.
        Continued = "CONTINUED",
        /// Its attempt succeeded.
        Succeeded = "SUCCEEDED",
        /// Its attempt failed, and no other follows.
        Failed = "FAILED",
        /// Its worker stopped beating, and no other attempt follows.
        StalledForGood = "STALLED_FOR_GOOD",
        /// Its attempt failed; the same worker starts the next one.
        Retried = "RETRIED",
        /// Its attempt failed; the next one comes through the queue.
        RetriedByQueue = "RETRIED_BY_QUEUE",
        /// Its worker died; the next attempt comes through the queue.
        AttemptFailed = "ATTEMPT_FAILED",
        /// Cancelled; its worker has not confirmed.
        CancelRequested = "CANCEL_REQUESTED",
        /// Cancelled for good.
        Canceled = "CANCELED",
        /// It waits.
        Blocked = "BLOCKED",
        /// What it waited for is there.
        Unblocked = "UNBLOCKED",
        /// Its process is frozen.
        Suspended = "SUSPENDED",
        /// Back in its queue, to be thawed.
        Resumed = "RESUMED",
        /// Back in its queue although the queue had given it up.
        Redriven = "REDRIVEN",
    }
}

/// What becomes of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// QUEUED → PENDING_EXECUTING.
    Claim {
        /// How many attempts the run has.
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
    /// A snapshot that is not valid, and then perhaps the end.
    Refuse {
        /// What is wrong.
        error: String,
        /// The end.
        finish: Option<Box<Finish>>,
    },
    /// The worker is told again.
    Notify,
    /// Nothing.
    Keep,
}

/// How a run ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// What ends it.
    pub transition: Transition,
    /// Its final status.
    pub run_status: RunStatus,
    /// Text of the last snapshot.
    pub description: Cow<'static, str>,
    /// Its result.
    pub output: Option<String>,
    /// Media type of the result.
    pub output_type: Option<String>,
    /// Its error.
    pub error: Option<Value>,
    /// Time that all its attempts have used, milliseconds.
    pub usage_duration_ms: i32,
    /// What that time has cost, cents.
    pub cost_in_cents: f64,
    /// When it ended; `None` leaves what is there.
    pub completed_at: Option<Timestamp>,
    /// Whether the queue has given it up.
    pub is_dead_lettered: bool,
    /// What only its events tell.
    pub detail: Option<Value>,
}

/// How a run goes on. What it holds follows from its new status: a queue item, a deadline, a slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// What moves it.
    pub transition: Transition,
    /// Its new execution status.
    pub execution_status: ExecutionStatus,
    /// Its new status.
    pub run_status: RunStatus,
    /// Text of the snapshot.
    pub description: Cow<'static, str>,
    /// Whether the snapshot names the caller.
    pub is_callers: bool,
    /// From when it may be claimed, if it is queued.
    pub available_at: Option<Timestamp>,
    /// When it expires in its queue. A run that comes back into its queue does not.
    pub expires_at: Option<Timestamp>,
    /// Whether its queue item counts against a limit on the length of the queue.
    pub is_sized: bool,
    /// How often it has come back because its worker was lost.
    pub queue_attempts: i32,
    /// How many of its attempts do not count.
    pub released_attempts: i32,
    /// What the snapshot carries of its predecessor.
    pub carries: Carries,
    /// The batch that the run waits for from now on.
    pub batch_id: Option<String>,
    /// Its new checkpoint.
    pub checkpoint_id: Option<String>,
    /// The waitpoints whose completion it sees now: an object of two arrays, `ids` and `order`.
    pub waitpoints: Option<Value>,
    /// The machine it asks for.
    pub machine: Option<String>,
    /// Time that its attempts have used, milliseconds.
    pub usage_duration_ms: i32,
    /// What that time has cost, cents.
    pub cost_in_cents: f64,
    /// Its error.
    pub error: Option<Value>,
    /// When it ended; `None` leaves what is there.
    pub completed_at: Option<Timestamp>,
    /// Why it waits for a version.
    pub status_reason: Option<String>,
    /// What only its events tell.
    pub detail: Option<Value>,
    /// What a caller who completed an attempt is told.
    pub attempt_status: Option<AttemptStatus>,
    /// When the next attempt may start, if one follows a failed one.
    pub retry_at: Option<Timestamp>,
}

/// What a snapshot carries of its predecessor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carries {
    /// The batch that the run waits for.
    pub batch: bool,
    /// Its checkpoint.
    pub checkpoint: bool,
    /// The waitpoints whose completion it has seen.
    pub waitpoints: bool,
    /// The metadata of the snapshot.
    pub metadata: bool,
}

impl Carries {
    /// All but the snapshot's metadata.
    pub const WAIT: Self = Self {
        batch: true,
        checkpoint: true,
        waitpoints: true,
        metadata: false,
    };
}

impl Run {
    /// This run with another status, and everything else as it is.
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

    /// The end of this run in `run_status`, now, after `duration_ms` milliseconds more.
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

    /// The end of this run by `error`.
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

/// What the events of a retry tell.
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
