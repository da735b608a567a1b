//! What of the model is played, and how its steps differ.

use std::mem::{Discriminant, discriminant};

use engine_core::{ExecutionStatus, RunStatus};

use super::action::Action;
use super::asked::{Asked, End};
use super::begin::ENVIRONMENTS;
use super::player::Player;
use super::state::{Scope, State};
use super::system::System;
use crate::played::Played;

/// What is done, by whom and with what answer, and how it changes the run.
pub type Change = (
    Discriminant<Action>,
    String,
    (ExecutionStatus, RunStatus),
    (ExecutionStatus, RunStatus),
);

impl Played for System {
    type Change = Change;
    type Player = Player;

    const STATES: usize = 4_000;
    const STEPS: usize = 14;
    const SETTINGS: &[(&str, &str)] = &[("engine.queue_max_attempts", "3")];
    const ENVIRONMENTS: &str = ENVIRONMENTS;

    /// No call leaves a run queued that executes, or at its 248th attempt.
    fn beginnings(&self) -> Vec<State> {
        let mut states = State::beginnings(Scope::Repeats);
        states.retain(|state| {
            state.row.execution_status != ExecutionStatus::QueuedExecuting
                && state.row.attempt_number.is_none_or(|number| number < 3)
        });
        states
    }

    fn playable(&self, state: &State) -> Vec<Action> {
        let mut enabled = Action::enabled(state);
        enabled.retain(|action| !has_time(self, state, action));
        enabled
    }

    fn step(&self, state: &State, action: &Action) -> State {
        let mut next = Self::step(self, state, action);
        next.forget_links();
        next
    }

    fn renumbered(state: State) -> State {
        state.renumbered()
    }

    fn change(&self, before: &State, action: &Action, after: &State) -> Change {
        let status = |state: &State| (state.row.execution_status, state.row.run_status);
        let asked = match action {
            Action::Call {
                asked, is_answered, ..
            } => format!("{asked:?} {is_answered}"),
            Action::Stranger { asked, .. } => format!("{asked:?}"),
            Action::Turn {
                end, is_answered, ..
            } => format!("{end:?} {is_answered}"),
            _ => format!("{action:?}"),
        };
        (discriminant(action), asked, status(before), status(after))
    }

    fn name(state: &State) -> String {
        state.row.execution_status.as_str().to_owned()
    }
}

/// Whether a step of the model leaves out that time passes: a turn starts the retry of the run that it ends, which is due later.
fn has_time(system: &System, state: &State, action: &Action) -> bool {
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
