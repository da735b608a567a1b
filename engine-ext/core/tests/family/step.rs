//! What each step does, as one transaction: a decision of the engine, its effect on the run, and what follows from that for the other
//! one.

use engine_core::{Cancel, Command, ExecutionStatus, Plan, decide};

use super::action::Action;
use super::fault::Fault;
use super::rule;
use super::state::{Awaited, Held, State, Who};
use super::system::System;

impl System {
    /// The state after a step, with snapshots renumbered.
    pub fn after(&self, state: &State, action: &Action) -> State {
        self.step(state, action).renumbered()
    }

    /// The state after a step. Snapshots and workers keep their numbers.
    pub fn step(&self, state: &State, action: &Action) -> State {
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
                // A dequeue skips what another session has locked.
                let is_free = !(is_locked && next.locks(who));
                if is_free && next.member(who).is_some_and(|run| run.has_item) {
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
        next
    }

    /// Decides, applies, and settles; returns whether the command was not refused.
    pub fn run(&self, next: &mut State, who: Who, command: Command<'_>, is_locked: bool) -> bool {
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

    pub fn apply(&self, next: &mut State, who: Who, plan: &Plan, is_locked: bool) {
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

    /// Removes a run that has ended, unless something needs it: a child is needed until its parent and its batch have ended, and goes
    /// first. What is noted about a run goes with it, and so does a waitpoint that has served.
    fn sweep(&self, next: &mut State, who: Who) {
        match who {
            Who::Child if self.may_go(next) => {
                next.child = None;
                next.notes.cancel_child = false;
                if next.awaited != Awaited::Token {
                    next.waitpoint = None;
                }
            }
            Who::Parent if next.child.is_none() => {
                next.parent = None;
                next.notes.resume_parent = false;
                if next.waitpoint == Some(true) {
                    next.waitpoint = None;
                }
            }
            Who::Parent | Who::Child => {}
        }
    }

    fn may_go(&self, next: &State) -> bool {
        let is_batch_open = next.awaited == Awaited::Batch && next.waitpoint != Some(true);
        let is_over = next.is_over(Who::Parent) || self.fault == Fault::SweepTakesChildren;
        is_over && !is_batch_open
    }
}
