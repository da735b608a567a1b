//! Checkpoints: a process is frozen, and restored when its run continues.

use serde_json::{Value, json};

use crate::status::{named, only_in};
use crate::{
    Carries, CheckpointId, ExecutionStatus, Move, Plan, Refusal, Run, RunStatus, SnapshotId,
    Transition, check_label,
};

named! {
    /// The runtime that froze a process.
    CheckpointType {
        /// Docker.
        Docker = "DOCKER",
        /// Kubernetes.
        Kubernetes = "KUBERNETES",
        /// The worker's own machine.
        Compute = "COMPUTE",
    }
}

/// A frozen process, as its caller describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheckpoint {
    /// The runtime that froze it.
    pub kind: CheckpointType,
    /// Where the frozen process is stored.
    pub location: String,
    /// The image that restores it.
    pub image_ref: Option<String>,
    /// Why it was frozen.
    pub reason: Option<String>,
}

/// The effect of a checkpoint on its run.
#[derive(Debug, Clone, PartialEq)]
pub enum Suspension {
    /// The run suspends.
    Suspended(Box<Move>),
    /// The run has moved on; the reason is a fixed text that callers compare.
    Discarded(String),
}

impl NewCheckpoint {
    /// Checks a checkpoint.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for an unknown type, or a text that is too long.
    pub fn new(
        kind: &str,
        location: String,
        image_ref: Option<String>,
        reason: Option<String>,
    ) -> Result<Self, Refusal> {
        let Some(kind) = CheckpointType::parse(kind) else {
            return Err(Refusal::invalid(
                "type",
                format!("\"{kind}\" is not a type of checkpoint."),
                "Pass DOCKER, KUBERNETES or COMPUTE.",
            ));
        };
        check_label("location", Some(&location))?;
        Ok(Self {
            kind,
            location,
            image_ref: check_label("image_ref", image_ref)?,
            reason: check_label("reason", reason)?,
        })
    }

    /// The detail of the event that discards it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "type": self.kind.as_str(),
            "location": self.location,
            "imageRef": self.image_ref,
            "reason": self.reason,
        })
    }
}

/// Suspends `run`, whose process was frozen at snapshot `given`. A run that was queued in the meantime, with its process
/// alive, stays queued: then `given` may be the snapshot before, `previous`.
#[must_use]
pub fn suspend(
    run: &Run,
    given: &SnapshotId,
    previous: Option<&SnapshotId>,
    checkpoint_id: &CheckpointId,
) -> Suspension {
    let is_queued = run.execution_status == ExecutionStatus::QueuedExecuting;
    if run.snapshot_id != *given && !(is_queued && previous == Some(given)) {
        return Suspension::Discarded("Not the latest snapshot".to_owned());
    }
    if !run.execution_status.is_checkpointable() {
        let reason = format!("Status {} is not checkpointable", run.execution_status);
        return Suspension::Discarded(reason);
    }
    let (status, description) = if is_queued {
        (
            ExecutionStatus::Queued,
            "Queued: it was frozen while it waited for its slot",
        )
    } else {
        (ExecutionStatus::Suspended, "Suspended")
    };
    let status_after = RunStatus::WaitingToResume;
    let mut moved = run.moved(Transition::Suspended, status, status_after, description);
    moved.is_callers = !is_queued;
    moved.checkpoint_id = Some(checkpoint_id.as_str().to_owned());
    moved.carries = Carries {
        batch: true,
        checkpoint: false,
        waitpoints: true,
    };
    Suspension::Suspended(Box::new(moved))
}

/// Continues the frozen attempt on a restored worker. A run without an attempt is refused: an attempt without a number could
/// neither fail nor be retried.
pub(crate) fn resume(run: &Run, snapshot_id: &SnapshotId) -> Result<Plan, Refusal> {
    use ExecutionStatus::*;
    run.check_snapshot(snapshot_id)?;
    only_in!(run.execution_status, {
        Finished => Err(run.finished()),
        PendingExecuting if run.attempt_number.is_some() => {
            let mut moved = run.moved(
                Transition::Continued,
                Executing,
                RunStatus::Executing,
                "Continued after it was suspended",
            );
            moved.is_callers = true;
            moved.carries = Carries {
                checkpoint: false,
                ..Carries::WAIT
            };
            Ok(Plan::to(moved))
        },
        PendingExecuting => Err(Refusal::WrongStatus {
            run_id: run.id.clone(),
            asked: "continued",
            reason: "No attempt of it has started.".to_owned(),
        })
    } else Err(run.wrong_status("continued")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::transition::tests::{decided, run_in};

    fn suspended(run: &Run, given: &str, previous: Option<&str>) -> Suspension {
        let previous = previous.map(SnapshotId::parse);
        let id = CheckpointId::parse("k");
        suspend(run, &SnapshotId::parse(given), previous.as_ref(), &id)
    }

    #[test]
    fn five_statuses_can_be_frozen_and_the_others_say_why_not() {
        use ExecutionStatus::*;
        for status in ExecutionStatus::ALL {
            let answer = suspended(&run_in(*status), "b", None);
            match (status, answer) {
                (
                    RunCreated | Queued | Executing | ExecutingWithWaitpoints,
                    Suspension::Suspended(moved),
                ) => {
                    assert_eq!(moved.execution_status, Suspended);
                    assert_eq!(moved.run_status, RunStatus::WaitingToResume);
                    assert_eq!(moved.checkpoint_id.as_deref(), Some("k"));
                }
                (QueuedExecuting, Suspension::Suspended(moved)) => {
                    assert_eq!(moved.execution_status, Queued);
                    assert!(!moved.is_callers && moved.available_at.is_none());
                }
                (_, answer) => assert_eq!(
                    answer,
                    Suspension::Discarded(format!("Status {status} is not checkpointable"))
                ),
            }
        }
    }

    #[test]
    fn a_checkpoint_of_an_older_snapshot_is_discarded() {
        let stale = Suspension::Discarded("Not the latest snapshot".to_owned());
        for status in ExecutionStatus::ALL {
            assert_eq!(suspended(&run_in(*status), "a", None), stale);
        }
        let executing = run_in(ExecutionStatus::ExecutingWithWaitpoints);
        assert_eq!(suspended(&executing, "a", Some("a")), stale);
        let queued = run_in(ExecutionStatus::QueuedExecuting);
        assert!(matches!(
            suspended(&queued, "a", Some("a")),
            Suspension::Suspended(_)
        ));
    }

    #[test]
    fn a_restored_worker_continues_the_frozen_attempt() {
        use ExecutionStatus::*;
        for status in ExecutionStatus::ALL {
            let run = run_in(*status);
            let snapshot_id = &run.snapshot_id;
            match (status, decided(&run, Command::Continue { snapshot_id })) {
                (PendingExecuting, Ok(Plan::Move(moved))) => {
                    assert_eq!(moved.execution_status, Executing);
                    assert!(moved.carries.waitpoints && !moved.carries.checkpoint);
                }
                (Finished, answer) => assert_eq!(answer.unwrap_err().sqlstate(), "RE003"),
                (_, answer) => assert_eq!(answer.unwrap_err().sqlstate(), "RE004", "{status}"),
            }
        }
        let fresh = Run {
            attempt_number: None,
            ..run_in(PendingExecuting)
        };
        let snapshot_id = &fresh.snapshot_id;
        let refused = decided(&fresh, Command::Continue { snapshot_id });
        assert_eq!(refused.unwrap_err().sqlstate(), "RE004");
        let stale = SnapshotId::parse("a");
        let refused = decided(
            &fresh,
            Command::Continue {
                snapshot_id: &stale,
            },
        );
        assert_eq!(refused.unwrap_err().sqlstate(), "RE002");
    }

    #[test]
    fn a_type_is_one_of_three() {
        assert!(NewCheckpoint::new("DOCKER", String::new(), None, None).is_ok());
        let refused = NewCheckpoint::new("docker", String::new(), None, None);
        assert_eq!(refused.unwrap_err().sqlstate(), "22023");
    }
}
