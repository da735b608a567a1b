//! Finds ways in the model.

use std::collections::{HashSet, VecDeque};
use std::mem::{Discriminant, discriminant};

use engine_core::{ExecutionStatus, RunStatus};
use rand::RngExt;
use rand::rngs::StdRng;
use stateright::{Expectation, Model};

use crate::action::Action;
use crate::state::State;
use crate::system::System;
use crate::way::{Way, beginnings, has_time, step};

/// States that are looked at: changes that are further away are left to random walks.
const STATES: usize = 4_000;

/// Steps of a random walk.
const STEPS: usize = 14;

/// What is done, by whom and with what answer, and how it changes the run.
type Change = (
    Discriminant<Action>,
    String,
    (ExecutionStatus, RunStatus),
    (ExecutionStatus, RunStatus),
);

/// A state that was found, and how.
struct Found {
    state: State,
    from: Option<(usize, Action)>,
}

/// What lies around the beginnings, nearest first.
struct Search {
    found: Vec<Found>,
    known: HashSet<State>,
    next: VecDeque<usize>,
}

impl Search {
    fn begin() -> Self {
        let mut search = Self {
            found: Vec::new(),
            known: HashSet::new(),
            next: VecDeque::new(),
        };
        for state in beginnings() {
            search.add(state, None);
        }
        search
    }

    fn add(&mut self, state: State, from: Option<(usize, Action)>) {
        if self.known.insert(state.clone().renumbered()) {
            self.next.push_back(self.found.len());
            self.found.push(Found { state, from });
        }
    }

    /// The way to a state, and one step on.
    fn way(&self, mut index: usize, last: &Action) -> Way {
        let mut actions = vec![last.clone()];
        while let Some((before, action)) = &self.found[index].from {
            actions.push(action.clone());
            index = *before;
        }
        actions.reverse();
        Way {
            beginning: self.found[index].state.clone(),
            actions,
        }
    }

    /// Goes on until the states are used up, or `look` has seen what it wants.
    fn run(
        &mut self,
        system: &System,
        mut look: impl FnMut(&Self, usize, &Action, &State) -> bool,
    ) -> bool {
        while let Some(index) = self.next.pop_front().filter(|index| *index < STATES) {
            let state = self.found[index].state.clone();
            for action in Action::enabled(&state) {
                if has_time(system, &state, &action) {
                    continue;
                }
                let after = step(system, &state, &action);
                if look(self, index, &action, &after) {
                    return true;
                }
                self.add(after, Some((index, action)));
            }
        }
        false
    }
}

fn change(before: &State, action: &Action, after: &State) -> Change {
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

/// The shortest way to every change, without those that others go along; and how many changes there are.
pub fn every_change(system: &System) -> (Vec<Way>, usize) {
    let (mut changes, mut ways) = (HashSet::new(), Vec::new());
    let mut search = Search::begin();
    search.run(system, |search, index, action, after| {
        let change = change(&search.found[index].state, action, after);
        if changes.insert(change.clone()) {
            ways.push((change, search.way(index, action)));
        }
        false
    });
    let mut gone = HashSet::new();
    let mut kept = Vec::new();
    for (last, way) in ways.into_iter().rev() {
        if gone.contains(&last) {
            continue;
        }
        let mut state = way.beginning.clone();
        for action in &way.actions {
            let after = step(system, &state, action);
            gone.insert(change(&state, action, &after));
            state = after;
        }
        kept.push(way);
    }
    (kept, changes.len())
}

/// Steps by chance.
pub fn walk(system: &System, random: &mut StdRng) -> Way {
    let mut beginnings = beginnings();
    let beginning = beginnings.swap_remove(random.random_range(0..beginnings.len()));
    let (mut state, mut actions) = (beginning.clone(), Vec::new());
    while actions.len() < STEPS {
        let mut enabled = Action::enabled(&state);
        enabled.retain(|action| !has_time(system, &state, action));
        let action = enabled.swap_remove(random.random_range(0..enabled.len()));
        state = step(system, &state, &action);
        actions.push(action);
    }
    Way { beginning, actions }
}

/// The shortest way to a state in which a rule does not hold.
pub fn counter_example(system: &System, rule: &str) -> Option<Way> {
    let properties = system.properties();
    let property = properties
        .iter()
        .find(|property| property.name == rule && property.expectation == Expectation::Always)?;
    let mut way = None;
    Search::begin().run(system, |search, index, action, after| {
        let is_broken = !(property.condition)(system, &after.clone().renumbered());
        if is_broken {
            way = Some(search.way(index, action));
        }
        is_broken
    });
    way
}
