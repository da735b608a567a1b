//! The engine under the checker: `engine_core::decide`, with or without a fault.

use engine_core::Settings;
use stateright::{Model, Property};

use super::action::Action;
use super::fault::Fault;
use super::rule;
use super::settings::settings;
use super::state::{Awaited, State};

pub struct System {
    pub fault: Fault,
    awaited: Awaited,
    pub settings: Settings,
}

impl System {
    pub fn new(fault: Fault, awaited: Awaited) -> Self {
        Self {
            fault,
            awaited,
            settings: settings(2),
        }
    }
}

impl Model for System {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::begin(self.awaited)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.is_none() {
            actions.extend(Action::enabled(state));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let next = self.after(state, &action);
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        rule::all()
    }
}
