//! The possible next steps.

use engine_core::ExecutionStatus;

use super::state::{Awaited, State, Who};

/// Most releases of a run.
const MOST_RELEASES: i32 = 1;

/// One step, which is one commit. `is_locked`: another session has locked what the step does not wait for at this moment: the batch,
/// or else the parent, while the child ends; the parent while the token is completed; what a tick finds noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A worker dequeues a run, and hears of it or not.
    Dequeue {
        who: Who,
        is_heard: bool,
    },
    /// A worker's turn that reports nothing: dequeued and started, or continued, in one commit.
    Work {
        who: Who,
    },
    /// A worker starts, or continues, the run that it has dequeued.
    Start {
        worker: usize,
    },
    /// The parent's worker has it wait.
    Wait {
        worker: usize,
    },
    /// Its process is frozen.
    Suspend {
        worker: usize,
    },
    Release {
        worker: usize,
    },
    End {
        worker: usize,
        is_success: bool,
        is_locked: bool,
    },
    /// A worker reports a success and takes this run in one commit.
    Turn {
        worker: usize,
        next: Who,
        is_locked: bool,
    },
    Crash {
        worker: usize,
    },
    /// The deadline passes, and a tick finds it.
    Stall {
        who: Who,
        is_locked: bool,
    },
    Cancel {
        who: Who,
        is_final: bool,
        is_locked: bool,
    },
    /// A caller completes the token.
    Complete {
        is_locked: bool,
    },
    TickResumes,
    TickCancels {
        is_locked: bool,
    },
    TickEndsBatch {
        is_locked: bool,
    },
    Sweep {
        who: Who,
    },
}

impl Action {
    /// Every step that `state` allows.
    pub fn enabled(state: &State) -> Vec<Self> {
        let mut actions = Vec::new();
        let locks = [false, true];
        for who in Who::BOTH {
            let Some(member) = state.member(who) else {
                continue;
            };
            if member.has_item {
                actions.push(Self::Dequeue {
                    who,
                    is_heard: false,
                });
                if state.workers.len() < 2 {
                    actions.push(Self::Dequeue {
                        who,
                        is_heard: true,
                    });
                    actions.push(Self::Work { who });
                }
            }
            if member.has_ended() {
                actions.push(Self::Sweep { who });
                continue;
            }
            for is_locked in state.locked_at_end(who) {
                if member.deadline.is_some() {
                    actions.push(Self::Stall { who, is_locked });
                }
                for is_final in [false, true] {
                    actions.push(Self::Cancel {
                        who,
                        is_final,
                        is_locked,
                    });
                }
            }
        }
        for worker in 0..state.workers.len() {
            Self::of_worker(state, worker, &mut actions);
        }
        if state.awaited == Awaited::Token && state.waitpoint == Some(false) {
            actions.extend(locks.map(|is_locked| Self::Complete { is_locked }));
        }
        if state.notes.resume_parent {
            actions.push(Self::TickResumes);
        }
        if state.notes.cancel_child {
            actions.extend(locks.map(|is_locked| Self::TickCancels { is_locked }));
        }
        if state.notes.end_batch {
            actions.extend(locks.map(|is_locked| Self::TickEndsBatch { is_locked }));
        }
        actions
    }

    fn of_worker(state: &State, worker: usize, actions: &mut Vec<Self>) {
        use ExecutionStatus::*;
        let held = state.workers[worker];
        actions.push(Self::Crash { worker });
        let Some(member) = state.member(held.who) else {
            return;
        };
        match member.status() {
            PendingExecuting => actions.push(Self::Start { worker }),
            Executing if held.who == Who::Parent => actions.push(Self::Wait { worker }),
            ExecutingWithWaitpoints => actions.push(Self::Suspend { worker }),
            _ => {}
        }
        if member.row.released_attempts < MOST_RELEASES {
            actions.push(Self::Release { worker });
        }
        for is_locked in state.locked_at_end(held.who) {
            for is_success in [false, true] {
                actions.push(Self::End {
                    worker,
                    is_success,
                    is_locked,
                });
            }
            for next in Who::BOTH {
                actions.push(Self::Turn {
                    worker,
                    next,
                    is_locked,
                });
            }
        }
    }
}
