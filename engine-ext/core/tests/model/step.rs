//! What a step does to a state.

use engine_core::{
    Cancel, Command, ExecutionStatus, Held, Plan, Refusal, Release, Timestamp, Timing, Unblocking,
    Waiting, unblock,
};

use super::action::{Action, Heard};
use super::asked::{Asked, End};
use super::caller::{Caller, Recalls};
use super::row::{self, Snapshot, snapshot_id};
use super::rule;
use super::state::{Scope, State};
use super::system::System;

impl System {
    /// The state after `action`, in the form that stands for all like it.
    pub fn after(&self, state: &State, action: &Action) -> State {
        self.step(state, action).renumbered()
    }

    /// The state after `action`: snapshots keep their numbers, and callers their places.
    pub fn step(&self, state: &State, action: &Action) -> State {
        let mut next = state.clone();
        let mut held = None;
        match action {
            Action::Crash { caller } => {
                next.callers.remove(*caller);
            }
            Action::Call {
                caller,
                asked,
                is_answered,
            } => {
                held = Some(state.callers[*caller].holds);
                self.call(&mut next, *caller, *asked, *is_answered);
            }
            Action::Stranger { caller, asked } => {
                let given = state.callers[*caller].holds;
                held = Some(given);
                if self.ask(&mut next, given, *asked, false).is_ok() {
                    next.broken = Some(rule::OTHERS);
                }
            }
            Action::Turn {
                caller,
                end,
                is_answered,
            } => {
                self.turn(&mut next, *caller, *end, *is_answered);
                return next;
            }
            Action::TurnAgain { caller } => match state.callers[*caller].recalls {
                Recalls::Turn(Some(snapshot)) => next.callers[*caller] = Caller::new(snapshot),
                _ => drop(next.callers.remove(*caller)),
            },
            Action::Dequeue { is_answered } => {
                let is_dequeued = self.run(&mut next, Command::Dequeue).is_ok_and(|new| new)
                    && next.row.execution_status == ExecutionStatus::PendingExecuting;
                if is_dequeued && *is_answered {
                    next.callers.push(Caller::new(next.row.snapshot));
                }
            }
            Action::Work { heard } => self.work(&mut next, *heard),
            Action::Stall => drop(self.run(&mut next, Command::Stall { order: None })),
            Action::Unblock { is_noticed } => self.unblock(&mut next, *is_noticed),
            Action::Cancel { is_final } => {
                let cancel = Cancel {
                    finalize: *is_final,
                    ..Cancel::default()
                };
                drop(self.run(&mut next, Command::Cancel(&cancel)));
            }
            Action::Redrive => drop(self.run(&mut next, Command::Redrive)),
        }
        next.broken = next
            .broken
            .or(rule::broken_by(state, action, held, &next.row));
        next
    }

    /// Dequeues the run, and starts it if it was queued; returns the snapshot of the start.
    fn dequeue_and_start(&self, next: &mut State) -> Option<Snapshot> {
        let is_dequeued = self.run(next, Command::Dequeue).is_ok_and(|new| new)
            && next.row.execution_status == ExecutionStatus::PendingExecuting;
        if !is_dequeued {
            return None;
        }
        let given = snapshot_id(next.row.snapshot);
        drop(self.run(
            next,
            Command::Start {
                snapshot_id: &given,
                dequeued_as: None,
            },
        ));
        let has_started = next.row.execution_status == ExecutionStatus::Executing;
        has_started.then_some(next.row.snapshot)
    }

    fn work(&self, next: &mut State, heard: Heard) {
        let Some(started) = self.dequeue_and_start(next) else {
            return;
        };
        let recalls = match heard {
            Heard::Answer => Recalls::Nothing,
            Heard::Later => Recalls::Turn(Some(started)),
            Heard::Nothing => return,
        };
        next.callers.push(Caller {
            holds: started,
            recalls,
        });
    }

    /// A caller's turn. The two halves keep the rules, each for itself.
    fn turn(&self, next: &mut State, caller: usize, end: End, is_answered: bool) {
        let given = next.callers[caller].holds;
        let before = next.clone();
        let asked = Asked::Complete(end);
        let is_ended = self.ask(next, given, asked, true).is_ok();
        let call = Action::Call {
            caller,
            asked,
            is_answered,
        };
        let held = Some(given);
        next.broken = next
            .broken
            .or(rule::broken_by(&before, &call, held, &next.row));
        let is_left = is_ended && next.row.execution_status == ExecutionStatus::Executing;
        let mut brought = is_left.then_some(next.row.snapshot);
        if next.has_item {
            let between = next.clone();
            brought = self.dequeue_and_start(next);
            let work = Action::Work {
                heard: Heard::Answer,
            };
            next.broken = next
                .broken
                .or(rule::broken_by(&between, &work, None, &next.row));
        }
        match (is_answered, brought) {
            (false, _) => next.callers[caller].recalls = Recalls::Turn(brought),
            (true, Some(snapshot)) => next.callers[caller] = Caller::new(snapshot),
            (true, None) => drop(next.callers.remove(caller)),
        }
    }

    /// What the run waits for is completed.
    fn unblock(&self, next: &mut State, is_noticed: bool) {
        let before = next.row.snapshot;
        let waiting = Waiting {
            blockers: Vec::new(),
            has_checkpoint: false,
            position: Timestamp::from_micros(0),
        };
        if let Ok(Unblocking::Unblocked(moved)) = unblock(&next.row.to_run(), &waiting) {
            self.apply(next, &Plan::Move(moved), false);
        }
        let after = next.row.snapshot;
        for caller in next
            .callers
            .iter_mut()
            .filter(|caller| is_noticed && caller.holds == before)
        {
            if !caller.awaits_turn() {
                *caller = Caller::new(after);
            }
        }
    }

    /// The call arrives. A caller that is refused stops; one that is answered continues while it holds the run.
    fn call(&self, next: &mut State, caller: usize, asked: Asked, is_answered: bool) {
        use ExecutionStatus::{Executing, ExecutingWithWaitpoints};
        let Caller { holds, recalls } = next.callers[caller];
        let before = next.row.clone();
        let answer = self.ask(next, holds, asked, true);
        let is_again = recalls == Recalls::Call(asked);
        if is_again && (answer.is_err() || next.row != before) {
            next.broken = Some(rule::REPEAT);
        }
        let continues = matches!(
            next.row.execution_status,
            Executing | ExecutingWithWaitpoints
        );
        let latest = next.row.snapshot;
        match answer {
            _ if !is_answered => {
                if next.scope == Scope::Repeats && next.row.snapshot != before.snapshot {
                    next.callers[caller].recalls = Recalls::Call(asked);
                }
            }
            Ok(_) if continues => next.callers[caller] = Caller::new(latest),
            Err(_) if continues && self.tells_stale_callers() => {
                next.callers[caller] = Caller::new(latest);
            }
            Ok(_) | Err(_) => {
                next.callers.remove(caller);
            }
        }
    }

    /// The engine's answer to a call with a snapshot, of the process to which it was given or of another one.
    pub fn ask(
        &self,
        next: &mut State,
        given: Snapshot,
        asked: Asked,
        is_holders: bool,
    ) -> Result<bool, Refusal> {
        let followed = next.next(given, is_holders, self.fault());
        let run = next.row.to_run();
        if let (Some(followed), Some(repeat)) = (followed, asked.as_repeat())
            && followed.answers(repeat, &run)
        {
            return Ok(false);
        }
        let snapshot_id = &snapshot_id(given);
        match asked {
            Asked::Start => {
                let is_cancelled = next.is_cancelled_before_start(given);
                let dequeued_as = is_cancelled.then_some(snapshot_id);
                let command = Command::Start {
                    snapshot_id,
                    dequeued_as,
                };
                self.run_by(next, command, is_holders)
            }
            Asked::Release => {
                let release = &Release {
                    timing: Timing {
                        delay_until: None,
                        queue_timestamp: Timestamp::from_micros(0),
                        priority_ms: 0,
                        ttl: None,
                        is_sized: false,
                    },
                    is_between_attempts: next.row.is_between_attempts,
                };
                let command = Command::Release {
                    snapshot_id,
                    release,
                };
                self.run_by(next, command, is_holders)
            }
            Asked::Block => {
                let waits = run.execution_status == ExecutionStatus::ExecutingWithWaitpoints;
                let before_wait = next.previous().filter(|_| waits).map(row::snapshot_id);
                let held = Held {
                    snapshot_id,
                    before_wait: before_wait.as_ref(),
                };
                let command = Command::Block {
                    batch_id: None,
                    held: Some(held),
                };
                self.run_by(next, command, is_holders)
            }
            Asked::Complete(end) => {
                let command = Command::Complete {
                    snapshot_id,
                    completion: end.completion(),
                };
                self.run_by(next, command, is_holders)
            }
        }
    }

    /// Whether the run moves without any further call or cancel.
    pub fn continues(&self, state: &State) -> bool {
        let abandoned = State {
            callers: Vec::new(),
            ..state.clone()
        }
        .renumbered();
        let dequeue = Action::Dequeue { is_answered: true };
        let is_enabled = |action: &&Action| Action::enabled(&abandoned).contains(action);
        let mut by_itself = [&dequeue, &Action::Stall].into_iter().filter(is_enabled);
        by_itself.any(|action| self.after(&abandoned, action).row != abandoned.row)
    }

    /// Whether one worker that neither crashes nor fails brings the run to its end.
    pub fn comes_to_an_end(&self, state: &State) -> bool {
        use ExecutionStatus::*;
        let mut state = State {
            callers: Vec::new(),
            ..state.clone()
        };
        for _ in 0..4 {
            let action = match state.row.execution_status {
                Finished => return true,
                Queued | QueuedExecuting => Action::Dequeue { is_answered: true },
                PendingExecuting => worker_asks(&mut state, Asked::Start),
                Executing | ExecutingWithWaitpoints => {
                    worker_asks(&mut state, Asked::Complete(End::Success))
                }
                PendingCancel => worker_asks(&mut state, Asked::Complete(End::Cancelled)),
                RunCreated | Delayed | Suspended => return false,
            };
            if !Action::enabled(&state).contains(&action) {
                return false;
            }
            state = self.after(&state, &action);
        }
        false
    }
}

/// The one caller is the worker, and holds the latest snapshot.
fn worker_asks(state: &mut State, asked: Asked) -> Action {
    state.callers = vec![Caller::new(state.row.snapshot)];
    Action::Call {
        caller: 0,
        asked,
        is_answered: true,
    }
}
