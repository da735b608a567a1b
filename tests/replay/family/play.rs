//! What of the model is played, and how its steps differ.

use engine_core::ExecutionStatus;
use stateright::Model;

use super::action::Action;
use super::player::Player;
use super::state::{Notes, State, Who};
use super::system::System;
use crate::played::Played;

/// What is done, by a worker that holds this run by its latest snapshot or an earlier one, and how it changes the family.
pub type Change = (String, Option<(Who, bool)>, Outline, Outline);

/// Where the parent and the child are, and what lies between them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Outline {
    statuses: [Option<ExecutionStatus>; 2],
    waitpoint: Option<bool>,
    has_edge: bool,
    notes: Notes,
}

impl Outline {
    fn of(state: &State) -> Self {
        Self {
            statuses: Who::BOTH.map(|who| state.member(who).map(|run| run.status())),
            waitpoint: state.waitpoint,
            has_edge: state.has_edge,
            notes: state.notes,
        }
    }
}

impl Action {
    /// The worker that does it.
    pub fn worker(&self) -> Option<usize> {
        self.clone().worker_mut().copied()
    }

    fn worker_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::Start { worker }
            | Self::Wait { worker }
            | Self::Suspend { worker }
            | Self::Release { worker }
            | Self::End { worker, .. }
            | Self::Turn { worker, .. }
            | Self::Crash { worker } => Some(worker),
            _ => None,
        }
    }

    /// What is done, whichever worker does it.
    fn what(&self) -> String {
        let mut what = self.clone();
        what.worker_mut().into_iter().for_each(|worker| *worker = 0);
        format!("{what:?}")
    }
}

impl Played for System {
    type Change = Change;
    type Player = Player;

    const STATES: usize = 20_000;
    const STEPS: usize = 24;
    const SETTINGS: &[(&str, &str)] = &[
        ("engine.queue_max_attempts", "2"),
        ("engine.retry_requeue_threshold_ms", "0"),
        // No deadline passes but those that are set back.
        ("engine.heartbeat_pending_executing_ms", "1d"),
        ("engine.heartbeat_executing_ms", "1d"),
        ("engine.heartbeat_executing_with_waitpoints_ms", "1d"),
        ("engine.heartbeat_pending_cancel_ms", "1d"),
        ("engine.heartbeat_suspended_ms", "1d"),
    ];
    const ENVIRONMENTS: &str = "select engine_set_environment('replay')";

    fn beginnings(&self) -> Vec<State> {
        self.init_states()
    }

    fn playable(&self, state: &State) -> Vec<Action> {
        Action::enabled(state)
    }

    fn step(&self, state: &State, action: &Action) -> State {
        Self::step(self, state, action)
    }

    fn renumbered(state: State) -> State {
        state.renumbered()
    }

    fn change(&self, before: &State, action: &Action, after: &State) -> Change {
        let held = action.worker().map(|worker| {
            let held = before.workers[worker];
            let latest = before.member(held.who).map(|run| run.row.snapshot);
            (held.who, latest == Some(held.snapshot))
        });
        (action.what(), held, Outline::of(before), Outline::of(after))
    }

    fn name(state: &State) -> String {
        format!("{:?}", state.awaited)
    }
}
