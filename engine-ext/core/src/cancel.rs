//! Cancelling runs.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::status::only_in;
use crate::{
    ExecutionStatus, Finish, Plan, Refusal, Run, RunError, RunStatus, Settings, Timestamp,
    Transition, check_label,
};

/// Reason of a cancel that states none.
pub const DEFAULT_REASON: &str = "Canceled by user";

/// A request to cancel a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cancel {
    /// Reason, for the run's owner.
    pub reason: Option<String>,
    /// Whether the run ends at once, even if a worker holds it.
    pub finalize: bool,
    /// When the run ended, if the caller knows.
    pub completed_at: Option<Timestamp>,
    /// Time that the attempt used, milliseconds.
    pub attempt_duration_ms: Option<i64>,
}

impl Cancel {
    /// Checks a request to cancel.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for a negative duration, or a reason that is too long.
    pub fn new(
        reason: Option<String>,
        finalize: bool,
        completed_at: Option<Timestamp>,
        attempt_duration_ms: Option<i64>,
    ) -> Result<Self, Refusal> {
        let reason = check_label("reason", reason)?;
        match attempt_duration_ms {
            Some(duration_ms) if duration_ms < 0 => Err(Refusal::invalid(
                "attempt_duration_ms",
                format!("{duration_ms} is negative."),
                "Pass milliseconds, or omit it.",
            )),
            attempt_duration_ms => Ok(Self {
                reason,
                finalize,
                completed_at,
                attempt_duration_ms,
            }),
        }
    }

    /// Cancels a run because its parent ended cancelled; `detail` is stored in the timer: the parent's reason and time.
    #[must_use]
    pub fn of_child(detail: Option<&Value>) -> Self {
        let text = |key: &str| detail.and_then(|detail| detail.get(key)?.as_str());
        Self {
            reason: text("reason").map(str::to_owned),
            completed_at: text("completedAt").and_then(Timestamp::parse_rfc3339),
            ..Self::default()
        }
    }
}

/// Cancels `run`. If a worker holds it, the worker is asked to stop, unless the cancel is final; otherwise the run ends at
/// once. A run that was cancelled before keeps the reason of the first cancel.
pub(crate) fn cancel(run: &Run, cancel: &Cancel, settings: &Settings) -> Plan {
    use ExecutionStatus::*;
    only_in!(run.execution_status, {
        Finished => Plan::Keep,
        PendingCancel if !cancel.finalize => Plan::Notify,
        PendingExecuting | Executing | ExecutingWithWaitpoints if !cancel.finalize => {
            request(run, cancel, settings)
        }
    } else Plan::finish(finish(run, cancel, settings)))
}

/// Ends a run whose worker confirms that it stopped; `reason` applies if the cancel stated none.
pub(crate) fn confirm(run: &Run, reason: &str, duration_ms: i64, settings: &Settings) -> Plan {
    let cancel = Cancel {
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        finalize: true,
        completed_at: None,
        attempt_duration_ms: Some(duration_ms),
    };
    Plan::finish(finish(run, &cancel, settings))
}

/// Text of the last snapshot of a run that was cancelled between its dequeue and its start.
pub(crate) const NEVER_STARTED: &str = "Cancelled before its attempt started";

/// Ends a run that was cancelled between its dequeue and its start, for the reason of the cancel.
pub(crate) fn never_started(run: &Run, settings: &Settings) -> Plan {
    let cancel = Cancel {
        finalize: true,
        ..Cancel::default()
    };
    Plan::finish(Finish {
        description: Cow::Borrowed(NEVER_STARTED),
        ..finish(run, &cancel, settings)
    })
}

fn request(run: &Run, cancel: &Cancel, settings: &Settings) -> Plan {
    let duration_ms = cancel.attempt_duration_ms.unwrap_or(0);
    let (usage_duration_ms, cost_in_cents) = run.usage_after(duration_ms, &settings.machines);
    let mut moved = run.moved(
        Transition::CancelRequested,
        ExecutionStatus::PendingCancel,
        RunStatus::Canceled,
        "Cancelled: its worker is asked to stop",
    );
    moved.is_callers = true;
    moved.error = Some(error(cancel).to_json());
    moved.completed_at = cancel.completed_at;
    moved.usage_duration_ms = usage_duration_ms;
    moved.cost_in_cents = cost_in_cents;
    Plan::to(moved)
}

fn finish(run: &Run, cancel: &Cancel, settings: &Settings) -> Finish {
    let given = only_in!(run.execution_status, {
        ExecutionStatus::PendingCancel => run.error.clone()
    } else None);
    let completed_at = if cancel.finalize {
        Some(cancel.completed_at.unwrap_or(settings.now))
    } else {
        cancel.completed_at
    };
    let duration_ms = cancel.attempt_duration_ms.unwrap_or(0);
    let error = given.unwrap_or_else(|| error(cancel).to_json());
    Finish {
        completed_at,
        // For its children, which are cancelled for the reason that this run keeps.
        detail: Some(json!({"reason": error["raw"]})),
        error: Some(error),
        ..run.ended(
            Transition::Canceled,
            RunStatus::Canceled,
            "Cancelled",
            duration_ms,
            settings,
        )
    }
}

fn error(cancel: &Cancel) -> RunError {
    RunError::text(cancel.reason.as_deref().unwrap_or(DEFAULT_REASON))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::transition::tests::{decided, end, run_in, settings};

    fn cancelled(status: ExecutionStatus, finalize: bool) -> Plan {
        let cancel = Cancel {
            finalize,
            ..Cancel::default()
        };
        decided(&run_in(status), Command::Cancel(&cancel)).unwrap()
    }

    #[test]
    fn a_worker_is_asked_and_a_run_that_nobody_holds_ends() {
        use ExecutionStatus::*;
        for status in ExecutionStatus::ALL {
            match (status, cancelled(*status, false)) {
                (Finished, plan) => assert_eq!(plan, Plan::Keep),
                (PendingCancel, plan) => assert_eq!(plan, Plan::Notify),
                (PendingExecuting | Executing | ExecutingWithWaitpoints, Plan::Move(moved)) => {
                    assert_eq!(
                        (moved.execution_status, moved.run_status),
                        (PendingCancel, RunStatus::Canceled)
                    );
                }
                (_, plan) => assert_eq!(end(plan).completed_at, None, "{status}"),
            }
        }
    }

    #[test]
    fn a_final_cancel_ends_every_run() {
        for status in ExecutionStatus::ALL {
            match (status, cancelled(*status, true)) {
                (ExecutionStatus::Finished, plan) => assert_eq!(plan, Plan::Keep),
                (_, plan) => assert_eq!(end(plan).completed_at, Some(settings().now), "{status}"),
            }
        }
    }

    #[test]
    fn the_first_reason_stays() {
        let first = json!({"type": "STRING_ERROR", "raw": "first"});
        let run = Run {
            error: Some(first.clone()),
            ..run_in(ExecutionStatus::PendingCancel)
        };
        let second = Cancel {
            reason: Some("second".to_owned()),
            finalize: true,
            ..Cancel::default()
        };
        let finish = end(decided(&run, Command::Cancel(&second)).unwrap());
        assert_eq!(finish.error, Some(first));
        assert_eq!(finish.detail, Some(json!({"reason": "first"})));
    }
}
