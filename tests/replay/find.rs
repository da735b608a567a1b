//! Finds ways in a model.

use std::collections::{HashSet, VecDeque};

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use stateright::Expectation;

use crate::played::Played;
use crate::way::Way;

/// A state that was found, and how.
struct Found<M: Played> {
    state: M::State,
    from: Option<(usize, M::Action)>,
}

/// What lies around the beginnings, nearest first.
struct Search<'a, M: Played> {
    model: &'a M,
    found: Vec<Found<M>>,
    known: HashSet<M::State>,
    next: VecDeque<usize>,
}

impl<'a, M: Played> Search<'a, M> {
    fn begin(model: &'a M) -> Self {
        let mut search = Self {
            model,
            found: Vec::new(),
            known: HashSet::new(),
            next: VecDeque::new(),
        };
        for state in model.beginnings() {
            search.add(state, None);
        }
        search
    }

    fn add(&mut self, state: M::State, from: Option<(usize, M::Action)>) {
        if self.known.insert(M::renumbered(state.clone())) {
            self.next.push_back(self.found.len());
            self.found.push(Found { state, from });
        }
    }

    /// The way to a state, and one step on.
    fn way(&self, mut index: usize, last: &M::Action) -> Way<M> {
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
    fn run(&mut self, mut look: impl FnMut(&Self, usize, &M::Action, &M::State) -> bool) {
        while let Some(index) = self.next.pop_front().filter(|index| *index < M::STATES) {
            let state = self.found[index].state.clone();
            for action in self.model.playable(&state) {
                let after = self.model.step(&state, &action);
                if look(self, index, &action, &after) {
                    return;
                }
                self.add(after, Some((index, action)));
            }
        }
    }
}

/// The shortest way to every change, without those that others go along; and how many changes there are.
pub fn every_change<M: Played>(model: &M) -> (Vec<Way<M>>, usize) {
    let (mut changes, mut ways) = (HashSet::new(), Vec::new());
    let mut search = Search::begin(model);
    search.run(|search, index, action, after| {
        let change = model.change(&search.found[index].state, action, after);
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
            let after = model.step(&state, action);
            gone.insert(model.change(&state, action, &after));
            state = after;
        }
        kept.push(way);
    }
    (kept, changes.len())
}

/// Steps by chance, as long as there are any: of four the one after which most is possible, so that walks are long.
pub fn walk<M: Played>(model: &M, random: &mut StdRng) -> Way<M> {
    let mut beginnings = model.beginnings();
    let beginning = beginnings.swap_remove(random.random_range(0..beginnings.len()));
    let (mut state, mut actions) = (beginning.clone(), Vec::new());
    while actions.len() < M::STEPS {
        let playable = model.playable(&state);
        let four = [(); 4].map(|()| playable.choose(random));
        let steps = four.into_iter().flatten();
        let steps = steps.map(|action| (action, model.step(&state, action)));
        let Some((action, after)) = steps.max_by_key(|(_, after)| model.playable(after).len())
        else {
            break;
        };
        actions.push(action.clone());
        state = after;
    }
    Way { beginning, actions }
}

/// The shortest way to a state in which a rule does not hold.
pub fn counter_example<M: Played>(model: &M, rule: &str) -> Option<Way<M>> {
    let properties = model.properties();
    let property = properties
        .iter()
        .find(|property| property.name == rule && property.expectation == Expectation::Always)?;
    let mut way = None;
    Search::begin(model).run(|search, index, action, after| {
        let is_broken = !(property.condition)(model, &M::renumbered(after.clone()));
        if is_broken {
            way = Some(search.way(index, action));
        }
        is_broken
    });
    way
}
