//! A run of the family, and what the statements that apply a plan do to it.

use engine_core::{
    AttemptStatus, EnvironmentType, ExecutionStatus, Finish, Machine, Move, Plan, RunStatus,
};

use super::fault::Fault;
use super::row::{Row, Snapshot};

/// Attempts of a run.
const MAX_ATTEMPTS: i32 = 2;

/// A run and the rows that it owns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    pub row: Row,
    pub has_item: bool,
    pub deadline: Option<Deadline>,
    pub has_checkpoint: bool,
}

/// A row of `engine.heartbeat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Deadline {
    pub snapshot: Snapshot,
    pub holds_slot: bool,
}

impl Member {
    pub fn queued() -> Self {
        Self {
            row: Row {
                environment_type: EnvironmentType::Production,
                run_status: RunStatus::Pending,
                execution_status: ExecutionStatus::Queued,
                snapshot: 0,
                attempt_number: None,
                max_attempts: MAX_ATTEMPTS,
                queue_attempts: 0,
                released_attempts: 0,
                machine: Machine::Small1x,
                was_dequeued: false,
                is_dead_lettered: false,
                is_between_attempts: false,
            },
            has_item: true,
            deadline: None,
            has_checkpoint: false,
        }
    }

    pub fn status(&self) -> ExecutionStatus {
        self.row.execution_status
    }

    pub fn has_ended(&self) -> bool {
        self.status() == ExecutionStatus::Finished
    }

    pub fn is_cancelled(&self) -> bool {
        self.has_ended() && self.row.run_status == RunStatus::Canceled
    }

    /// Whether it waits.
    pub fn waits(&self) -> bool {
        use ExecutionStatus::{ExecutingWithWaitpoints, Suspended};
        matches!(self.status(), ExecutingWithWaitpoints | Suspended)
    }

    pub fn apply(&mut self, plan: &Plan, fault: Fault) {
        match plan {
            Plan::Dequeue { max_attempts } => {
                self.advance(ExecutionStatus::PendingExecuting, RunStatus::Dequeued);
                self.row.max_attempts = *max_attempts;
                self.row.was_dequeued = true;
                self.has_item = fault == Fault::DequeueLeavesItem;
                self.watch(true);
            }
            Plan::Start { attempt_number } => {
                self.advance(ExecutionStatus::Executing, RunStatus::Executing);
                self.row.attempt_number = Some(*attempt_number);
                self.watch(true);
            }
            Plan::Finish(finish) => self.finish(finish),
            Plan::Move(moved) => self.move_on(moved, fault),
            Plan::Refuse { .. } | Plan::Notify | Plan::Keep => {}
        }
    }

    fn finish(&mut self, finish: &Finish) {
        self.has_item = false;
        self.deadline = None;
        self.has_checkpoint = false;
        self.advance(ExecutionStatus::Finished, finish.run_status);
        self.row.is_dead_lettered = finish.is_dead_lettered;
    }

    fn move_on(&mut self, moved: &Move, fault: Fault) {
        let after = moved.execution_status;
        self.advance(after, moved.run_status);
        self.row.is_between_attempts =
            moved.attempt_status == Some(AttemptStatus::RetryImmediately);
        self.has_item = moved.available_at.is_some();
        self.has_checkpoint = moved.checkpoint_id.is_some()
            && fault != Fault::CheckpointIsForgotten
            || moved.carries.checkpoint && self.has_checkpoint;
        let is_resumed = after == ExecutionStatus::Executing;
        match (after.has_heartbeat(), &mut self.deadline) {
            (true, Some(deadline)) if is_resumed && fault == Fault::DeadlineStaysBehind => {
                deadline.holds_slot = true;
            }
            (true, _) => self.watch(after.holds_slot() || fault == Fault::SuspensionKeepsSlot),
            (false, _) => self.deadline = None,
        }
        self.row.queue_attempts = moved.queue_attempts;
        self.row.released_attempts = moved.released_attempts;
        self.row.is_dead_lettered = false;
    }

    /// A new snapshot, greater than any that a worker holds.
    fn advance(&mut self, execution_status: ExecutionStatus, run_status: RunStatus) {
        self.row.snapshot += 1;
        self.row.execution_status = execution_status;
        self.row.run_status = run_status;
        self.row.is_between_attempts = false;
    }

    fn watch(&mut self, holds_slot: bool) {
        self.deadline = Some(Deadline {
            snapshot: self.row.snapshot,
            holds_slot,
        });
    }
}
