//! The effect of the statements that apply a plan: `dequeue_apply.sql`, `attempt_start.sql`, `run_finish.sql` and
//! `run_move.sql`, for one run.

use engine_core::{AttemptStatus, ExecutionStatus, Finish, Machine, Move, Plan, RunStatus};

use super::fault::Fault;
use super::rule;
use super::state::{Deadline, State};

impl State {
    /// Writes `plan`, and returns whether the run has a new snapshot.
    pub fn apply(&mut self, plan: &Plan, fault: Fault) -> bool {
        match plan {
            Plan::Dequeue { max_attempts } => self.dequeue(*max_attempts, fault),
            Plan::Start { attempt_number } => self.start(*attempt_number, fault),
            Plan::Finish(finish) => self.finish(finish),
            Plan::Move(moved) => self.move_on(moved, fault),
            Plan::Refuse { .. } => unreachable!("it takes a broken table to get here"),
            Plan::Notify | Plan::Keep => return false,
        }
        true
    }

    fn dequeue(&mut self, max_attempts: i32, fault: Fault) {
        self.advance(ExecutionStatus::PendingExecuting, RunStatus::Dequeued);
        self.row.max_attempts = max_attempts;
        self.row.was_dequeued = true;
        if self.has_item {
            self.insert_deadline(true);
        }
        self.has_item = fault == Fault::DequeueLeavesItem;
    }

    fn start(&mut self, attempt_number: i32, fault: Fault) {
        let before = self.row.snapshot;
        self.advance(ExecutionStatus::Executing, RunStatus::Executing);
        if fault == Fault::StartKeepsSnapshot {
            self.row.snapshot = before;
        }
        self.row.attempt_number = Some(attempt_number);
        if let Some(deadline) = &mut self.deadline {
            deadline.snapshot = self.row.snapshot;
        }
    }

    fn finish(&mut self, finish: &Finish) {
        if self.row.execution_status.is_queued() {
            self.has_item = false;
        }
        self.deadline = None;
        self.advance(ExecutionStatus::Finished, finish.run_status);
        self.row.is_dead_lettered = finish.is_dead_lettered;
    }

    fn move_on(&mut self, moved: &Move, fault: Fault) {
        let (before, after) = (self.row.execution_status, moved.execution_status);
        if before.is_queued() {
            self.has_item = false;
        }
        self.advance(after, moved.run_status);
        self.row.is_between_attempts =
            moved.attempt_status == Some(AttemptStatus::RetryImmediately);
        if moved.available_at.is_some() && fault != Fault::RequeueForgetsItem {
            self.insert_item();
        }
        if after.has_heartbeat() {
            self.deadline = Some(Deadline {
                snapshot: self.row.snapshot,
                holds_slot: after.holds_slot() || fault == Fault::CancelKeepsSlot,
            });
        } else if fault != Fault::RequeueLeavesDeadline {
            self.deadline = None;
        }
        self.row.queue_attempts = moved.queue_attempts;
        self.row.released_attempts = moved.released_attempts;
        if let Some(machine) = moved.machine.as_deref().and_then(Machine::parse) {
            self.row.machine = machine;
        }
        self.row.is_dead_lettered = false;
    }

    /// A new snapshot, greater than any that a caller holds.
    fn advance(&mut self, execution_status: ExecutionStatus, run_status: RunStatus) {
        self.row.snapshot += 1;
        self.row.execution_status = execution_status;
        self.row.run_status = run_status;
        self.row.is_between_attempts = false;
    }

    fn insert_item(&mut self) {
        if self.has_item {
            self.broken = Some(rule::KEYS);
        }
        self.has_item = true;
    }

    fn insert_deadline(&mut self, holds_slot: bool) {
        if self.deadline.is_some() {
            self.broken = Some(rule::KEYS);
        }
        self.deadline = Some(Deadline {
            snapshot: self.row.snapshot,
            holds_slot,
        });
    }
}
