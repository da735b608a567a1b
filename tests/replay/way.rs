//! A way of the model: where a run begins, and the steps from there.

use std::fmt::{self, Display};

use crate::action::Action;
use crate::asked::{Asked, End};
use crate::state::{Scope, State};
use crate::system::System;
use engine_core::ExecutionStatus;

#[derive(Clone, Debug)]
pub struct Way {
    pub beginning: State,
    pub actions: Vec<Action>,
}

impl Way {
    /// As much of it as a model allows.
    pub fn possible(&self, system: &System) -> Self {
        let mut state = self.beginning.clone();
        let mut actions = Vec::new();
        for action in &self.actions {
            if !Action::enabled(&state).contains(action) || has_time(system, &state, action) {
                break;
            }
            state = step(system, &state, action);
            actions.push(action.clone());
        }
        Self {
            beginning: self.beginning.clone(),
            actions,
        }
    }
}

impl Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.beginning.row.execution_status.as_str())?;
        self.actions
            .iter()
            .try_for_each(|action| write!(f, "; {action:?}"))
    }
}

/// The states in which a call can bring a run to life. No call leaves a run queued that executes, or at its 248th attempt.
pub fn beginnings() -> Vec<State> {
    let mut states = State::beginnings(Scope::Repeats);
    states.retain(|state| {
        state.row.execution_status != ExecutionStatus::QueuedExecuting
            && state.row.attempt_number.is_none_or(|number| number < 3)
    });
    states
}

/// The state after a step. Snapshots keep their numbers: those of the server are found by them.
pub fn step(system: &System, state: &State, action: &Action) -> State {
    let mut next = system.step(state, action);
    next.forget_links();
    next
}

/// Whether a step of the model leaves out that time passes: a turn starts the retry of the run that it ends, which is due later.
pub fn has_time(system: &System, state: &State, action: &Action) -> bool {
    let Action::Turn { caller, end, .. } = action else {
        return false;
    };
    let call = Action::Call {
        caller: *caller,
        asked: Asked::Complete(*end),
        is_answered: true,
    };
    *end != End::Success && !state.has_item && system.step(state, &call).has_item
}
