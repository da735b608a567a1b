//! The possible next steps.

use engine_core::{Cancel, Command, ExecutionStatus, Release, Timestamp, Timing};

use crate::asked::{Asked, End};
use crate::row::snapshot_id;
use crate::rule;
use crate::state::State;
use crate::system::System;

/// Most releases of a run.
const MOST_RELEASES: i32 = 1;

/// One step. Without an answer, the connection broke after the commit: the caller does not know, and calls again with the
/// snapshot that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A worker asks for work.
    Dequeue { is_answered: bool },
    /// A worker's turn: it asks for work, and the run starts in the same commit.
    Work { is_answered: bool },
    /// A caller's call arrives.
    Call {
        caller: usize,
        asked: Asked,
        is_answered: bool,
    },
    /// A caller is gone.
    Crash { caller: usize },
    /// The deadline passes, and a tick finds it.
    Stall,
    /// An operator cancels the run.
    Cancel { is_final: bool },
    /// An operator redrives the run.
    Redrive,
}

impl Action {
    /// Whether this starts an attempt of a run with this status.
    pub fn is_start(&self, before: ExecutionStatus) -> bool {
        match self {
            Self::Call { asked, .. } => *asked == Asked::Start,
            Self::Work { .. } => before == ExecutionStatus::Queued,
            _ => false,
        }
    }

    /// Every step that `state` allows.
    pub fn enabled(state: &State) -> Vec<Self> {
        let mut actions = vec![
            Self::Redrive,
            Self::Cancel { is_final: false },
            Self::Cancel { is_final: true },
        ];
        if state.has_item {
            actions.push(Self::Dequeue { is_answered: false });
            actions.push(Self::Work { is_answered: false });
            if state.has_room() {
                actions.push(Self::Dequeue { is_answered: true });
                actions.push(Self::Work { is_answered: true });
            }
        }
        if state.deadline.is_some() {
            actions.push(Self::Stall);
        }
        for caller in 0..state.callers.len() {
            actions.push(Self::Crash { caller });
            // Releases and redrives would repeat without end.
            let may_release = state.row.released_attempts < MOST_RELEASES;
            for asked in Asked::ALL {
                if asked == Asked::Release && !may_release {
                    continue;
                }
                actions.extend([false, true].map(|is_answered| Self::Call {
                    caller,
                    asked,
                    is_answered,
                }));
            }
        }
        actions
    }
}

impl System {
    /// The state after `action`.
    pub fn after(&self, state: &State, action: &Action) -> State {
        let mut next = state.clone();
        match action {
            Action::Crash { caller } => {
                next.callers.remove(*caller);
            }
            Action::Call {
                caller,
                asked,
                is_answered,
            } => self.call(&mut next, *caller, *asked, *is_answered),
            Action::Dequeue { is_answered } => {
                let is_dequeued = self.run(&mut next, Command::Dequeue).is_ok_and(|new| new)
                    && next.row.execution_status == ExecutionStatus::PendingExecuting;
                if is_dequeued && *is_answered {
                    next.callers.push(next.row.snapshot);
                }
            }
            Action::Work { is_answered } => self.work(&mut next, *is_answered),
            Action::Stall => drop(self.run(&mut next, Command::Stall)),
            Action::Cancel { is_final } => {
                let cancel = Cancel {
                    finalize: *is_final,
                    ..Cancel::default()
                };
                drop(self.run(&mut next, Command::Cancel(&cancel)));
            }
            Action::Redrive => drop(self.run(&mut next, Command::Redrive)),
        }
        let held = match action {
            Action::Call { caller, .. } => Some(state.callers[*caller]),
            _ => None,
        };
        next.broken = next
            .broken
            .or(rule::broken_by(&state.row, action, held, &next.row));
        next.renumbered()
    }

    /// Dequeues the run, and starts it if it was queued.
    fn work(&self, next: &mut State, is_answered: bool) {
        let is_dequeued = self.run(next, Command::Dequeue).is_ok_and(|new| new)
            && next.row.execution_status == ExecutionStatus::PendingExecuting;
        if !is_dequeued {
            return;
        }
        let given = snapshot_id(next.row.snapshot);
        drop(self.run(
            next,
            Command::Start {
                snapshot_id: &given,
                dequeued_as: None,
            },
        ));
        if is_answered && next.row.execution_status == ExecutionStatus::Executing {
            next.callers.push(next.row.snapshot);
        }
    }

    /// The call arrives. A caller that is refused stops; one that is answered continues while it holds the run.
    fn call(&self, next: &mut State, caller: usize, asked: Asked, is_answered: bool) {
        let given = snapshot_id(next.callers[caller]);
        let answer = match asked {
            Asked::Start => self.run(
                next,
                Command::Start {
                    snapshot_id: &given,
                    dequeued_as: None,
                },
            ),
            Asked::Release => {
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
                let snapshot_id = &given;
                self.run(
                    next,
                    Command::Release {
                        snapshot_id,
                        release,
                    },
                )
            }
            Asked::Complete(end) => self.run(
                next,
                Command::Complete {
                    snapshot_id: &given,
                    completion: end.completion(),
                },
            ),
        };
        let continues = next.row.execution_status == ExecutionStatus::Executing;
        match answer {
            _ if !is_answered => {}
            Ok(_) if continues => next.callers[caller] = next.row.snapshot,
            Err(_) if continues && self.tells_stale_callers() => {
                next.callers[caller] = next.row.snapshot;
            }
            Ok(_) | Err(_) => {
                next.callers.remove(caller);
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
    state.callers = vec![state.row.snapshot];
    Action::Call {
        caller: 0,
        asked,
        is_answered: true,
    }
}
