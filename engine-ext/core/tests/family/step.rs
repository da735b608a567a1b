//! What each step does, as one transaction: a decision of the engine, its effect on the run, and what follows from that for the other
//! one.

use std::sync::LazyLock;

use engine_core::{
    Blocker, Cancel, CheckpointId, Command, Completion, ExecutionStatus, Plan, Release, Suspension,
    Timestamp, Timing, Unblocking, Waiting, WaitpointId, WaitpointType, decide, suspend, unblock,
};
use serde_json::json;

use crate::action::Action;
use crate::fault::Fault;
use crate::member::Member;
use crate::row::{Snapshot, snapshot_id};
use crate::rule;
use crate::state::{Awaited, Held, Notes, State, Who};
use crate::system::System;

static ENDS: LazyLock<[Completion; 2]> = LazyLock::new(|| {
    let error = json!({"type": "STRING_ERROR", "raw": "no"});
    let failure = json!({"ok": false, "error": error, "retry": {"delay": 1000}});
    [failure, json!({"ok": true})].map(|end| match Completion::parse(&end) {
        Ok(completion) => completion,
        Err(refusal) => unreachable!("{}", refusal.detail()),
    })
});

impl System {
    /// The state after a step.
    pub fn after(&self, state: &State, action: &Action) -> State {
        let mut next = state.clone();
        match *action {
            Action::Dequeue { who, is_heard } => {
                let snapshot = self.dequeue(&mut next, who);
                if let Some(snapshot) = snapshot.filter(|_| is_heard) {
                    self.give(&mut next, Held { who, snapshot });
                }
            }
            Action::Work { who } => self.work(&mut next, who),
            Action::Start { worker } => {
                let Held { who, snapshot } = next.workers[worker];
                match self.start(&mut next, who, snapshot) {
                    Some(snapshot) => next.workers[worker].snapshot = snapshot,
                    None => drop(next.workers.remove(worker)),
                }
            }
            Action::Wait { worker } => self.wait(&mut next, worker),
            Action::Suspend { worker } => self.suspend(&mut next, worker),
            Action::Release { worker } => self.release(&mut next, worker),
            Action::End {
                worker,
                is_success,
                is_locked,
            } => {
                let held = next.workers.remove(worker);
                self.end(&mut next, held, is_success, is_locked);
            }
            Action::Turn {
                worker,
                next: who,
                is_locked,
            } => {
                let held = next.workers.remove(worker);
                self.end(&mut next, held, true, is_locked);
                if next.member(who).is_some_and(|run| run.has_item) {
                    self.work(&mut next, who);
                }
            }
            Action::Crash { worker } => drop(next.workers.remove(worker)),
            Action::Stall { who, is_locked } => self.stall(&mut next, who, is_locked),
            Action::Cancel {
                who,
                is_final,
                is_locked,
            } => {
                let cancel = Cancel {
                    finalize: is_final,
                    ..Cancel::default()
                };
                self.run(&mut next, who, Command::Cancel(&cancel), is_locked);
            }
            Action::Complete { is_locked } => self.complete(&mut next, is_locked),
            Action::TickResumes => {
                next.notes.resume_parent = false;
                self.resume(&mut next);
            }
            // A run that another session has locked stays noted.
            Action::TickCancels { is_locked: true } | Action::TickEndsBatch { is_locked: true } => {
            }
            Action::TickCancels { is_locked: false } => {
                next.notes.cancel_child = false;
                self.run(
                    &mut next,
                    Who::Child,
                    Command::Cancel(&Cancel::default()),
                    false,
                );
            }
            Action::TickEndsBatch { is_locked: false } => {
                next.notes.end_batch = false;
                self.complete(&mut next, false);
            }
            Action::Sweep { who } => self.sweep(&mut next, who),
        }
        next.renumbered()
    }

    /// Decides, applies, and settles; returns whether the command was not refused.
    fn run(&self, next: &mut State, who: Who, command: Command<'_>, is_locked: bool) -> bool {
        let Some(member) = next.member_mut(who) else {
            return false;
        };
        let mut run = member.row.to_run();
        if self.fault == Fault::EndsTwice && member.has_ended() {
            run.execution_status = ExecutionStatus::Executing;
        }
        let Ok(plan) = decide(&run, command, &self.settings) else {
            return false;
        };
        self.apply(next, who, &plan, is_locked);
        true
    }

    fn apply(&self, next: &mut State, who: Who, plan: &Plan, is_locked: bool) {
        let Some(member) = next.member_mut(who) else {
            return;
        };
        let had_ended = member.has_ended();
        let before = member.row.snapshot;
        member.apply(plan, self.fault);
        if member.row.snapshot == before {
            return;
        }
        let has_ended = member.has_ended();
        if had_ended {
            next.broken = Some(rule::ONCE);
        }
        match who {
            Who::Parent => self.settle_parent(next),
            Who::Child if has_ended => self.settle_child(next, is_locked),
            Who::Child => {}
        }
    }

    /// Edges go with the wait; children of a run that ended cancelled are to be cancelled.
    fn settle_parent(&self, next: &mut State) {
        let Some(parent) = &next.parent else { return };
        let (keeps_edges, is_cancelled) = (parent.status().keeps_edges(), parent.is_cancelled());
        if !keeps_edges && self.fault != Fault::EdgeStays {
            next.has_edge = false;
        }
        if !keeps_edges {
            next.notes.resume_parent = false;
        }
        if is_cancelled && !next.is_over(Who::Child) && self.fault != Fault::ChildrenAreForgotten {
            next.notes.cancel_child = true;
        }
    }

    /// What waits for the child is completed.
    fn settle_child(&self, next: &mut State, is_locked: bool) {
        next.notes.cancel_child = false;
        if next.awaited == Awaited::Token || next.waitpoint != Some(false) {
            return;
        }
        let is_batch_locked = next.awaited == Awaited::Batch && is_locked;
        if is_batch_locked {
            next.notes.end_batch = self.fault != Fault::LockedBatchIsForgotten;
        } else if self.fault != Fault::WaitpointStaysPending {
            self.complete(next, is_locked);
        }
    }

    /// The waitpoint is completed, and the parent resumes, at once or by the tick.
    fn complete(&self, next: &mut State, is_locked: bool) {
        next.waitpoint = Some(true);
        if !next.has_edge {
            return;
        }
        if is_locked {
            next.notes.resume_parent = self.fault != Fault::LockedParentIsForgotten;
        } else {
            self.resume(next);
        }
    }

    /// Resumes the parent if it has nothing left to wait for.
    fn resume(&self, next: &mut State) {
        let Some(parent) = &next.parent else { return };
        let blocker = Blocker {
            waitpoint_id: WaitpointId::parse("w"),
            kind: WaitpointType::Run,
            is_completed: next.waitpoint == Some(true),
            batch_index: None,
        };
        let waiting = Waiting {
            blockers: vec![blocker],
            has_checkpoint: parent.has_checkpoint,
            position: Timestamp::from_micros(0),
        };
        if let Ok(Unblocking::Unblocked(moved)) = unblock(&parent.row.to_run(), &waiting) {
            self.apply(next, Who::Parent, &Plan::Move(moved), false);
        }
    }

    fn dequeue(&self, next: &mut State, who: Who) -> Option<Snapshot> {
        self.run(next, who, Command::Dequeue, false);
        let member = next.member(who)?;
        let is_dequeued = member.status() == ExecutionStatus::PendingExecuting;
        is_dequeued.then_some(member.row.snapshot)
    }

    fn give(&self, next: &mut State, held: Held) {
        next.workers.push(held);
        if self.fault == Fault::DequeueIsToldTwice {
            next.workers.push(held);
        }
    }

    fn work(&self, next: &mut State, who: Who) {
        let Some(dequeued) = self.dequeue(next, who) else {
            return;
        };
        if let Some(snapshot) = self.start(next, who, dequeued) {
            self.give(next, Held { who, snapshot });
        }
    }

    /// Starts the next attempt, or continues the one that was frozen; returns the new snapshot if the run executes then.
    fn start(&self, next: &mut State, who: Who, given: Snapshot) -> Option<Snapshot> {
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
    fn wait(&self, next: &mut State, worker: usize) {
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
        if next.waitpoint == Some(true) {
            self.resume(next);
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

    fn suspend(&self, next: &mut State, worker: usize) {
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

    fn release(&self, next: &mut State, worker: usize) {
        let Held { who, snapshot } = next.workers.remove(worker);
        let release = &Release {
            timing: Timing {
                delay_until: None,
                queue_timestamp: Timestamp::from_micros(0),
                priority_ms: 0,
                ttl: None,
                is_sized: false,
            },
            is_between_attempts: false,
        };
        let snapshot_id = &snapshot_id(snapshot);
        let command = Command::Release {
            snapshot_id,
            release,
        };
        self.run(next, who, command, false);
    }

    fn end(&self, next: &mut State, held: Held, is_success: bool, is_locked: bool) {
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
    fn stall(&self, next: &mut State, who: Who, is_locked: bool) {
        let Some(member) = next.member(who) else {
            return;
        };
        if member.status() == ExecutionStatus::Suspended {
            return self.resume(next);
        }
        self.run(next, who, Command::Stall { order: None }, is_locked);
    }

    /// Removes a run that has ended, unless another one needs it: a child is needed until its parent has ended, and goes first.
    fn sweep(&self, next: &mut State, who: Who) {
        match who {
            Who::Child if next.is_over(Who::Parent) || self.fault == Fault::SweepTakesChildren => {
                next.child = None;
                next.waitpoint = None;
                next.notes.end_batch = false;
            }
            Who::Parent if next.child.is_none() => next.parent = None,
            Who::Parent | Who::Child => {}
        }
    }

    /// Whether both runs end with one worker that neither crashes nor fails, a tick, and a caller that completes the token.
    pub fn comes_to_an_end(&self, state: &State) -> bool {
        let mut state = state.clone();
        state.workers.clear();
        for _ in 0..24 {
            if state.is_over(Who::Parent) && state.is_over(Who::Child) {
                return true;
            }
            let Some(action) = Self::helpful(&state) else {
                return false;
            };
            state = self.after(&state, &action);
        }
        false
    }

    fn helpful(state: &State) -> Option<Action> {
        let Notes {
            resume_parent,
            cancel_child,
            end_batch,
        } = state.notes;
        let is_locked = false;
        if resume_parent {
            return Some(Action::TickResumes);
        }
        if cancel_child {
            return Some(Action::TickCancels { is_locked });
        }
        if end_batch {
            return Some(Action::TickEndsBatch { is_locked });
        }
        if !state.workers.is_empty() {
            let (worker, is_success) = (0, true);
            return Some(Action::End {
                worker,
                is_success,
                is_locked,
            });
        }
        let is_queued = |who: &Who| state.member(*who).is_some_and(|run| run.has_item);
        if let Some(who) = Who::BOTH.into_iter().find(is_queued) {
            return Some(Action::Work { who });
        }
        if state.awaited == Awaited::Token && state.waitpoint == Some(false) {
            return Some(Action::Complete { is_locked });
        }
        // What a worker held that is gone.
        let is_left = |who: &Who| {
            state.member(*who).is_some_and(|run| {
                run.deadline.is_some() && run.status() != ExecutionStatus::Suspended
            })
        };
        let who = [Who::Child, Who::Parent].into_iter().find(is_left)?;
        Some(Action::Stall { who, is_locked })
    }
}
