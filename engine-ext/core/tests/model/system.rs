//! The engine under the checker: `engine_core::decide`, with or without a fault.

use engine_core::{Command, ExecutionStatus, Plan, Refusal, Settings, decide};
use stateright::{Model, Property};

use super::action::Action;
use super::fault::Fault;
use super::repeat::Link;
use super::row::snapshot_id;
use super::rule;
use super::settings::settings;
use super::state::{Scope, State};

pub struct System {
    fault: Fault,
    scope: Scope,
    settings: Settings,
}

impl System {
    pub fn new(fault: Fault, scope: Scope, stalls_are_out_of_memory: bool) -> Self {
        let settings = Settings {
            retry_requeue_threshold_ms: 30_000,
            stalls_are_out_of_memory,
            ..settings(3)
        };
        Self {
            fault,
            scope,
            settings,
        }
    }

    pub fn fault(&self) -> Fault {
        self.fault
    }

    pub fn tells_stale_callers(&self) -> bool {
        self.fault == Fault::StaleCallerIsTold
    }

    /// Decides and applies, as one transaction under the run's lock; returns whether the run has a new snapshot.
    pub fn run(&self, state: &mut State, command: Command<'_>) -> Result<bool, Refusal> {
        self.run_by(state, command, false)
    }

    /// The same for a command of the caller that holds the latest snapshot, if `is_holders`.
    pub fn run_by(
        &self,
        state: &mut State,
        command: Command<'_>,
        is_holders: bool,
    ) -> Result<bool, Refusal> {
        let mut run = state.row.to_run();
        let latest = snapshot_id(state.row.snapshot);
        let command = match command {
            Command::Start { .. } if self.fault == Fault::NoFence => Command::Start {
                snapshot_id: &latest,
                dequeued_as: None,
            },
            Command::Complete { completion, .. } if self.fault == Fault::NoFence => {
                Command::Complete {
                    snapshot_id: &latest,
                    completion,
                }
            }
            command => command,
        };
        if self.fault == Fault::EndIsForgotten && run.execution_status == ExecutionStatus::Finished
        {
            run.execution_status = ExecutionStatus::Executing;
        }
        let mut plan = decide(&run, command, &self.settings)?;
        if let (Plan::Start { attempt_number }, Fault::StartRepeatsNumber) = (&mut plan, self.fault)
        {
            *attempt_number = run.attempt_number.unwrap_or(1);
        }
        Ok(self.apply(state, &plan, is_holders))
    }

    /// Writes a plan, and what led to the new snapshot.
    pub fn apply(&self, state: &mut State, plan: &Plan, is_holders: bool) -> bool {
        let before = state.row.clone();
        let is_new = state.apply(plan, self.fault);
        if state.row.snapshot != before.snapshot {
            let link = Link::new(&before, plan, &state.row, is_holders);
            state.links.extend(link);
            state.moved_on();
        }
        is_new
    }
}

impl Model for System {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        State::beginnings(self.scope)
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.is_none() {
            actions.extend(Action::enabled(state));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        Some(self.after(state, &action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        rule::all()
    }

    /// A worker may start a run that it holds again, up to 250 times: the first attempts are visited, and the last ones.
    fn within_boundary(&self, state: &State) -> bool {
        state
            .row
            .attempt_number
            .is_none_or(|number| number <= 5 || number >= 248)
    }
}
