//! The rotation of a session among environments: in which order it claims from them, and how long it uses a listing.
//!
//! Listing the environments that have due runs costs a little for each of them, and a fruitless attempt to claim from one
//! costs more. Where there are many, a listing therefore stays valid for a while: the environments not tried yet are next,
//! and if the listing was complete, those that yielded runs come again. When these yield too few, all are listed again.

use crate::Timestamp;

/// Up to this many environments are listed by every call.
const FEW: usize = 10;
/// How long a listing stays valid, per environment listed and per environment that yielded nothing: about fifty times its
/// cost, microseconds.
const LISTED_US: usize = 400;
const EMPTY_US: usize = 4_000;
/// Longest validity, milliseconds.
const LONGEST_MS: i64 = 1_000;

/// A session's position among the environments of a worker queue.
#[derive(Debug, Default)]
pub struct RotationState {
    served: String,
    known: Vec<String>,
    /// Whether the listing behind `known` was complete.
    is_of_all: bool,
    /// When that listing was made, and how long it stays valid.
    listed_at: Option<Timestamp>,
    valid_ms: i64,
}

impl RotationState {
    /// The environment that yielded a run last: a listing begins after it. Empty for none.
    #[must_use]
    pub fn served(&self) -> &str {
        &self.served
    }

    /// Records that an environment yielded a run.
    pub fn serve(&mut self, environment_id: &str) {
        environment_id.clone_into(&mut self.served);
    }

    /// The environments to try, in order, before any are listed.
    pub fn take_known(&mut self, now: Timestamp) -> Vec<String> {
        let age_ms = self.listed_at.map(|at| now.ms_since(at));
        let known = std::mem::take(&mut self.known);
        if age_ms.is_some_and(|age_ms| (0..self.valid_ms).contains(&age_ms)) {
            known
        } else {
            Vec::new()
        }
    }

    /// Records a listing: how many environments it had, how many of these yielded nothing, and whether it was complete.
    pub fn learn(&mut self, listed: usize, empty: usize, is_of_all: bool, now: Timestamp) {
        let us = listed * LISTED_US + empty * EMPTY_US;
        let ms = i64::try_from(us / 1_000).unwrap_or(LONGEST_MS);
        self.valid_ms = ms.min(LONGEST_MS);
        self.listed_at = (listed > FEW).then_some(now);
        self.is_of_all = is_of_all;
    }

    /// Keeps the environments not tried, and those that may have more runs than they yielded.
    pub fn keep(&mut self, rest: Vec<String>, more: Vec<String>) {
        self.known = rest;
        // Otherwise environments outside the listing come before these.
        if self.is_of_all {
            self.known.extend(more);
        }
    }
}

/// How many of the `left` runs an environment may yield if `environments` of them, itself included, may yield some.
#[must_use]
pub fn fair_share(left: i32, environments: usize) -> i32 {
    let environments = i32::try_from(environments).unwrap_or(i32::MAX);
    (left / environments.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(1_000_000 + ms)
    }

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn few_environments_are_listed_by_each_call() {
        let mut state = RotationState::default();
        state.learn(10, 0, true, at(0));
        state.keep(ids(&["a"]), ids(&["b"]));
        assert_eq!(state.take_known(at(0)), ids(&[]));
    }

    #[test]
    fn a_listing_of_many_stays_valid_in_proportion_to_its_cost() {
        for (listed, empty, ms) in [(20, 0, 8), (20, 10, 48), (100, 0, 40), (5_000, 0, 1_000)] {
            for (age, is_known) in [(0, true), (ms - 1, true), (ms, false), (-1, false)] {
                let mut state = RotationState::default();
                state.learn(listed, empty, true, at(0));
                state.keep(ids(&["a"]), ids(&[]));
                assert_eq!(!state.take_known(at(age)).is_empty(), is_known, "{age}");
            }
        }
    }

    #[test]
    fn those_that_give_come_again_only_where_all_were_listed() {
        let mut state = RotationState::default();
        state.learn(100, 0, false, at(0));
        state.keep(ids(&["c"]), ids(&["a", "b"]));
        assert_eq!(state.take_known(at(1)), ids(&["c"]));
        state.learn(100, 0, true, at(0));
        state.keep(ids(&["c"]), ids(&["a", "b"]));
        assert_eq!(state.take_known(at(1)), ids(&["c", "a", "b"]));
    }

    #[test]
    fn what_was_known_is_known_once() {
        let mut state = RotationState::default();
        state.learn(100, 0, true, at(0));
        state.keep(ids(&["a"]), ids(&[]));
        assert_eq!(state.take_known(at(1)), ids(&["a"]));
        assert_eq!(state.take_known(at(1)), ids(&[]));
    }

    #[test]
    fn each_environment_has_its_share_and_none_comes_to_nothing() {
        assert_eq!(
            [
                fair_share(10, 3),
                fair_share(7, 2),
                fair_share(3, 5),
                fair_share(5, 1)
            ],
            [3, 3, 1, 5]
        );
    }
}
