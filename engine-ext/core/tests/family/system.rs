//! The engine under the checker: `engine_core::decide`, with or without a fault.

use engine_core::{Backoff, Heartbeats, Machine, Machines, Settings, Timestamp};
use stateright::{Model, Property};

use crate::action::Action;
use crate::fault::Fault;
use crate::rule;
use crate::state::{Awaited, State};

pub struct System {
    pub fault: Fault,
    awaited: Awaited,
    pub settings: Settings,
}

impl System {
    pub fn new(fault: Fault, awaited: Awaited) -> Self {
        let settings = Settings {
            now: Timestamp::from_micros(0),
            jitter: 1.0,
            queue_backoff: Backoff {
                min_ms: 1_000,
                max_ms: 3_600_000,
                factor: 2.0,
            },
            // Small, so that all of them are used up soon.
            queue_max_attempts: 2,
            retry_requeue_threshold_ms: 0,
            stalls_are_out_of_memory: false,
            heartbeats: Heartbeats {
                pending_executing_ms: 60_000,
                executing_ms: 60_000,
                executing_with_waitpoints_ms: 60_000,
                pending_cancel_ms: 60_000,
                suspended_ms: 600_000,
            },
            machines: Machines::built_in(Machine::Small1x),
        };
        Self {
            fault,
            awaited,
            settings,
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
