//! The possible next steps.

use engine_core::ExecutionStatus;

use super::asked::{Asked, End};
use super::state::{Scope, State};

/// Most releases of a run.
const MOST_RELEASES: i32 = 1;

/// One step. Without an answer, the connection broke after the commit: the caller does not know, and calls again with the
/// snapshot that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A worker asks for work.
    Dequeue { is_answered: bool },
    /// A worker's turn without ends: it asks for work, and the run starts in the same commit.
    Work { heard: Heard },
    /// A caller's turn, which has a name: it reports an end, and if the run is queued then, the same commit starts it again.
    Turn {
        caller: usize,
        end: End,
        is_answered: bool,
    },
    /// A caller asks for the answer to its turn again.
    TurnAgain { caller: usize },
    /// A caller's call arrives.
    Call {
        caller: usize,
        asked: Asked,
        is_answered: bool,
    },
    /// Another process makes a call with a caller's snapshot, which is stale.
    Stranger { caller: usize, asked: Asked },
    /// A caller is gone.
    Crash { caller: usize },
    /// The deadline passes, and a tick finds it.
    Stall,
    /// What the run waits for is completed; its worker may notice.
    Unblock { is_noticed: bool },
    /// An operator cancels the run.
    Cancel { is_final: bool },
    /// An operator redrives the run.
    Redrive,
}

/// What a worker hears of a turn that brings a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Answer,
    /// Nothing; and it does not ask again.
    Nothing,
    /// Nothing; but the turn has a name.
    Later,
}

/// Ends that a turn may report; after some of them the run is queued.
const OF_TURNS: [End; 5] = [
    End::Success,
    End::Failure,
    End::RetryLater,
    End::Terminated,
    End::OutOfMemory,
];

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
            actions.push(Self::Work {
                heard: Heard::Nothing,
            });
            if state.has_room() {
                actions.push(Self::Dequeue { is_answered: true });
                actions.push(Self::Work {
                    heard: Heard::Answer,
                });
                if state.scope == Scope::Repeats {
                    actions.push(Self::Work {
                        heard: Heard::Later,
                    });
                }
            }
        }
        if state.deadline.is_some() {
            actions.push(Self::Stall);
        }
        if state.row.execution_status == ExecutionStatus::ExecutingWithWaitpoints {
            actions.extend([false, true].map(|is_noticed| Self::Unblock { is_noticed }));
        }
        for (caller, known) in state.callers.iter().enumerate() {
            actions.push(Self::Crash { caller });
            if known.awaits_turn() {
                actions.push(Self::TurnAgain { caller });
            } else {
                Self::add_calls(state, caller, &mut actions);
            }
        }
        actions
    }

    /// The calls that a caller may make.
    fn add_calls(state: &State, caller: usize, actions: &mut Vec<Self>) {
        let held = state.callers[caller].holds;
        let is_stale = held != state.row.snapshot && !state.is_cancelled_before_start(held);
        for asked in Asked::ALL {
            // Releases and redrives would repeat without end.
            if asked == Asked::Release && state.row.released_attempts >= MOST_RELEASES {
                continue;
            }
            if asked == Asked::Block && state.scope == Scope::Callers {
                continue;
            }
            actions.extend([false, true].map(|is_answered| Self::Call {
                caller,
                asked,
                is_answered,
            }));
            let is_repeat = state.scope == Scope::Repeats && is_stale;
            if is_repeat && asked.as_repeat().is_some() {
                actions.push(Self::Stranger { caller, asked });
            }
        }
        if state.scope == Scope::Callers {
            return;
        }
        for end in OF_TURNS {
            actions.extend([false, true].map(|is_answered| Self::Turn {
                caller,
                end,
                is_answered,
            }));
        }
    }
}
