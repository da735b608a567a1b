//! Delayed runs.

use serde_json::json;

use crate::status::only_in;
use crate::{
    ExecutionStatus, Move, Plan, Refusal, Run, RunStatus, Settings, Timestamp, Transition, ttl,
};

/// When a run enters its queue, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// Earliest time of the first attempt.
    pub delay_until: Option<Timestamp>,
    /// Queue order before priority.
    pub queue_timestamp: Timestamp,
    /// Milliseconds by which the run moves ahead in its queue.
    pub priority_ms: i64,
    /// Time to live in the queue, as stored.
    pub ttl: Option<String>,
    /// Whether the queue has a maximum size.
    pub is_sized: bool,
}

impl Timing {
    /// The run's queue order, and its earliest dequeue.
    #[must_use]
    pub const fn available_at(&self) -> Timestamp {
        self.queue_timestamp.plus_ms(-self.priority_ms)
    }

    /// The timing with another due time. The queue order moves with it, unless its caller has chosen one: otherwise a run
    /// moved forward would still wait for its old time.
    #[must_use]
    pub fn moved_to(self, delay_until: Timestamp) -> Self {
        let is_chosen = self.delay_until != Some(self.queue_timestamp);
        Self {
            delay_until: Some(delay_until),
            queue_timestamp: if is_chosen {
                self.queue_timestamp
            } else {
                delay_until
            },
            ..self
        }
    }

    /// Turns `moved` into a plan that queues `run`. Its time to live begins, if no worker has had it so far.
    pub(crate) fn enqueue(&self, run: &Run, mut moved: Move, now: Timestamp) -> Plan {
        let ttl = self.ttl.as_deref().filter(|_| !run.was_dequeued);
        moved.available_at = Some(self.available_at());
        moved.expires_at = ttl::expires_at(ttl, now);
        moved.is_sized = self.is_sized;
        Plan::to(moved)
    }
}

/// Queues a run whose delay has ended. A run that was rescheduled, or has left its delay, is left alone.
pub(crate) fn end(run: &Run, timing: &Timing, settings: &Settings) -> Plan {
    use ExecutionStatus::*;
    only_in!(run.execution_status, { Delayed | RunCreated => () } else return Plan::Keep);
    if timing.delay_until.is_some_and(|at| at > settings.now) {
        return Plan::Keep;
    }
    let mut moved = run.moved(
        Transition::DelayEnded,
        Queued,
        RunStatus::Pending,
        "Queued: its delay has ended",
    );
    moved.status_reason = None;
    timing.enqueue(run, moved, settings.now)
}

/// Moves the due time of a run.
///
/// # Errors
/// [`Refusal::WrongStatus`] (`RE004`) for a run that waits neither for a time nor for a version.
pub(crate) fn reschedule(run: &Run, delay_until: Timestamp) -> Result<Plan, Refusal> {
    use ExecutionStatus::*;
    let run_status = only_in!(run.execution_status, {
        Delayed => RunStatus::Delayed,
        RunCreated => RunStatus::PendingVersion,
    } else {
        return Err(Refusal::WrongStatus {
            run_id: run.id.clone(),
            asked: "rescheduled",
            reason: format!(
                "It is not delayed: its execution status is {}.",
                run.execution_status
            ),
        })
    });
    let mut moved = run.moved(
        Transition::Rescheduled,
        run.execution_status,
        run_status,
        "Rescheduled",
    );
    moved.detail = Some(json!({"delayUntil": delay_until.to_rfc3339()}));
    Ok(Plan::to(moved))
}

/// Checks the due time of a delay.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) outside the years 1 to 9999.
pub fn check_delay_until(at: Timestamp) -> Result<Timestamp, Refusal> {
    at.check("delay_until")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::transition::tests::{decided, run_in, settings};

    fn timing(delay_until: i64) -> Timing {
        let at = Timestamp::from_micros(delay_until);
        Timing {
            delay_until: Some(at),
            queue_timestamp: at,
            priority_ms: 0,
            ttl: Some("2s".to_owned()),
            is_sized: true,
        }
    }

    fn ended(status: ExecutionStatus, timing: &Timing) -> Plan {
        let new = Run {
            was_dequeued: false,
            ..run_in(status)
        };
        decided(&new, Command::EndDelay(timing)).unwrap()
    }

    #[test]
    fn a_run_whose_time_has_come_enters_its_queue_and_begins_to_live() {
        let Plan::Move(moved) = ended(ExecutionStatus::Delayed, &timing(-5)) else {
            panic!("not queued")
        };
        assert_eq!(
            (moved.execution_status, moved.run_status),
            (ExecutionStatus::Queued, RunStatus::Pending)
        );
        assert_eq!(moved.available_at, Some(Timestamp::from_micros(-5)));
        assert_eq!(moved.expires_at, Some(settings().now.plus_ms(2_000)));
        assert!(moved.is_sized);
    }

    #[test]
    fn a_run_whose_time_was_moved_stays_as_does_every_other() {
        assert_eq!(ended(ExecutionStatus::Delayed, &timing(5)), Plan::Keep);
        for status in ExecutionStatus::ALL {
            let plan = ended(*status, &timing(0));
            match status {
                ExecutionStatus::Delayed | ExecutionStatus::RunCreated => {
                    assert!(matches!(plan, Plan::Move(_)), "{status}");
                }
                _ => assert_eq!(plan, Plan::Keep, "{status}"),
            }
        }
    }

    #[test]
    fn only_a_run_that_waits_is_rescheduled_and_keeps_its_status() {
        for status in ExecutionStatus::ALL {
            let delay_until = Timestamp::from_micros(7);
            let answer = decided(&run_in(*status), Command::Reschedule { delay_until });
            match (status, answer) {
                (ExecutionStatus::Delayed | ExecutionStatus::RunCreated, Ok(Plan::Move(moved))) => {
                    assert_eq!(moved.execution_status, *status);
                    assert_eq!(moved.available_at, None);
                }
                (_, answer) => assert_eq!(answer.unwrap_err().sqlstate(), "RE004", "{status}"),
            }
        }
    }

    #[test]
    fn the_queue_order_moves_with_the_time_unless_it_was_chosen() {
        let later = Timestamp::from_micros(99);
        assert_eq!(timing(5).moved_to(later).queue_timestamp, later);
        let chosen = Timing {
            queue_timestamp: Timestamp::from_micros(1),
            ..timing(5)
        };
        let moved = chosen.moved_to(later);
        assert_eq!(moved.queue_timestamp, Timestamp::from_micros(1));
        assert_eq!(moved.delay_until, Some(later));
    }
}
