//! Whether runs come to their end once nothing goes wrong any more.

use engine_core::ExecutionStatus;

use super::action::Action;
use super::state::{Awaited, Notes, State, Who};
use super::system::System;

impl System {
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
