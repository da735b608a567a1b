//! Transfers: a run that waits moves to another queue, or to another place in its queue.

use std::borrow::Cow;

use crate::status::only_in;
use crate::{Carries, ExecutionStatus, Plan, Refusal, Run, Timestamp, Transition};

/// Where a run waits from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Its queue order, if it is queued.
    pub available_at: Timestamp,
    /// When it expires in its queue, as before.
    pub expires_at: Option<Timestamp>,
    /// Whether its queue has a maximum size.
    pub is_sized: bool,
    /// Text of the snapshot.
    pub description: String,
}

/// Writes down that `run` waits elsewhere; if it is queued, it gets another queue item.
///
/// # Errors
/// [`Refusal::WrongStatus`] (`RE004`) for a run that a worker has had, or that has ended.
pub(crate) fn transfer(run: &Run, transfer: &Transfer) -> Result<Plan, Refusal> {
    use ExecutionStatus::*;
    let is_queued = only_in!(run.execution_status, {
        Queued => true,
        Delayed | RunCreated => false,
    } else return Err(run.wrong_status("moved")));
    let mut moved = run.moved(
        Transition::Rescheduled,
        run.execution_status,
        run.run_status,
        "Rescheduled",
    );
    moved.description = Cow::Owned(transfer.description.clone());
    moved.carries = Carries::WAIT;
    if is_queued {
        moved.available_at = Some(transfer.available_at);
        moved.expires_at = transfer.expires_at;
        moved.is_sized = transfer.is_sized;
    }
    Ok(Plan::to(moved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::transition::tests::{decided, run_in};

    #[test]
    fn only_a_run_that_waits_is_transferred_and_it_keeps_its_status() {
        use ExecutionStatus::*;
        let transfer = Transfer {
            available_at: Timestamp::from_micros(7),
            expires_at: Some(Timestamp::from_micros(9)),
            is_sized: true,
            description: "Moved to queue \"slow\"".to_owned(),
        };
        for status in ExecutionStatus::ALL {
            let run = run_in(*status);
            match (status, decided(&run, Command::Transfer(&transfer))) {
                (Queued | Delayed | RunCreated, Ok(Plan::Move(moved))) => {
                    assert_eq!(moved.execution_status, *status);
                    assert_eq!(moved.run_status, run.run_status);
                    let is_queued = *status == Queued;
                    assert_eq!(moved.available_at.is_some(), is_queued);
                    assert_eq!(moved.expires_at.is_some(), is_queued);
                    assert!(moved.carries.waitpoints && moved.carries.checkpoint);
                }
                (_, answer) => assert_eq!(answer.unwrap_err().sqlstate(), "RE004", "{status}"),
            }
        }
    }
}
