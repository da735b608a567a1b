//! What workers do, and what becomes of a run whose worker is silent.

use std::sync::LazyLock;

use engine_core::{
    CheckpointId, Command, Completion, ExecutionStatus, Plan, Release, Suspension, Timestamp,
    Timing, suspend,
};
use serde_json::{Value, json};

use super::fault::Fault;
use super::member::Member;
use super::row::{Snapshot, snapshot_id};
use super::state::{Held, State, Who};
use super::system::System;

static ENDS: LazyLock<[Completion; 2]> = LazyLock::new(|| {
    [false, true].map(|is_success| match Completion::parse(&end(is_success)) {
        Ok(completion) => completion,
        Err(refusal) => unreachable!("{}", refusal.detail()),
    })
});

/// What a worker reports.
pub fn end(is_success: bool) -> Value {
    if is_success {
        return json!({"ok": true});
    }
    let error = json!({"type": "STRING_ERROR", "raw": "no"});
    json!({"ok": false, "error": error, "retry": {"delay": 1000}})
}

impl System {
    pub fn dequeue(&self, next: &mut State, who: Who) -> Option<Snapshot> {
        self.run(next, who, Command::Dequeue, false);
        let member = next.member(who)?;
        let is_dequeued = member.status() == ExecutionStatus::PendingExecuting;
        is_dequeued.then_some(member.row.snapshot)
    }

    pub fn give(&self, next: &mut State, held: Held) {
        next.workers.push(held);
        if self.fault == Fault::DequeueIsToldTwice {
            next.workers.push(held);
        }
    }

    pub fn work(&self, next: &mut State, who: Who) {
        let Some(dequeued) = self.dequeue(next, who) else {
            return;
        };
        if let Some(snapshot) = self.start(next, who, dequeued) {
            self.give(next, Held { who, snapshot });
        }
    }

    /// Starts the next attempt, or continues the one that was frozen; returns the new snapshot if the run executes then.
    pub fn start(&self, next: &mut State, who: Who, given: Snapshot) -> Option<Snapshot> {
        let snapshot_id = &snapshot_id(given);
        let command = if next.member(who)?.has_checkpoint {
            Command::Continue { snapshot_id }
        } else {
            Command::Start {
                snapshot_id,
                dequeued_as: None,
            }
        };
        if !self.run(next, who, command, false) {
            return None;
        }
        let member = next.member(who)?;
        let executes = member.status() == ExecutionStatus::Executing;
        executes.then_some(member.row.snapshot)
    }

    /// The parent triggers what it waits for, unless it did in an attempt before, and waits for it.
    pub fn wait(&self, next: &mut State, worker: usize) {
        let given = snapshot_id(next.workers[worker].snapshot);
        let held = Some(engine_core::Held {
            snapshot_id: &given,
            before_wait: None,
        });
        let command = Command::Block {
            batch_id: None,
            held,
        };
        if !self.run(next, Who::Parent, command, false) {
            next.workers.remove(worker);
            return;
        }
        if !next.was_triggered {
            next.was_triggered = true;
            next.child = Some(Member::queued());
            next.waitpoint = Some(false);
        }
        next.has_edge = self.fault != Fault::EdgeIsForgotten;
        // A wait for what is completed already lasts until the next tick.
        if next.waitpoint == Some(true) {
            next.notes.resume_parent = true;
        }
        self.hears(next, worker);
    }

    /// The worker learns the latest snapshot.
    fn hears(&self, next: &mut State, worker: usize) {
        let who = next.workers[worker].who;
        if let Some(snapshot) = next.member(who).map(|run| run.row.snapshot) {
            next.workers[worker].snapshot = snapshot;
        }
    }

    pub fn suspend(&self, next: &mut State, worker: usize) {
        let Held { who, snapshot } = next.workers.remove(worker);
        let Some(member) = next.member(who) else {
            return;
        };
        let (run, given) = (member.row.to_run(), snapshot_id(snapshot));
        if let Suspension::Suspended(moved) = suspend(&run, &given, None, &CheckpointId::parse("c"))
        {
            self.apply(next, who, &Plan::Move(moved), false);
        }
    }

    pub fn release(&self, next: &mut State, worker: usize) {
        let Held { who, snapshot } = next.workers.remove(worker);
        let is_between_attempts = next
            .member(who)
            .is_some_and(|run| run.row.is_between_attempts);
        let release = &Release {
            timing: Timing {
                delay_until: None,
                queue_timestamp: Timestamp::from_micros(0),
                priority_ms: 0,
                ttl: None,
                is_sized: false,
            },
            is_between_attempts,
        };
        let snapshot_id = &snapshot_id(snapshot);
        let command = Command::Release {
            snapshot_id,
            release,
        };
        self.run(next, who, command, false);
    }

    pub fn end(&self, next: &mut State, held: Held, is_success: bool, is_locked: bool) {
        let latest = next.member(held.who).map(|run| run.row.snapshot);
        let given = match self.fault {
            Fault::EndsTwice => latest.unwrap_or(held.snapshot),
            _ => held.snapshot,
        };
        let command = Command::Complete {
            snapshot_id: &snapshot_id(given),
            completion: &ENDS[usize::from(is_success)],
        };
        self.run(next, held.who, command, is_locked);
    }

    /// A suspended run whose deadline passes is only checked.
    pub fn stall(&self, next: &mut State, who: Who, is_locked: bool) {
        let Some(member) = next.member(who) else {
            return;
        };
        if member.status() == ExecutionStatus::Suspended {
            return self.resume(next);
        }
        self.run(next, who, Command::Stall { order: None }, is_locked);
    }
}
