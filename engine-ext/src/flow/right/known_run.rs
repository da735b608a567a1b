//! Runs whose environment is known from earlier calls: a worker names the same run again and again, and need not have it looked up.
//!
//! A run stays in its environment. Its id can name a run of another one only if it was removed, or its trigger was rolled back, and
//! a caller has chosen the id again. So every removal makes all sessions forget, and nothing is noted that this transaction may
//! have written itself.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use engine_core::RunId;

use crate::backend::{cache, has_written, isolation};
use crate::store;

/// Most runs that are known. All are forgotten when there would be more.
const MOST: usize = 2_000;

/// What is known as of a number of removals.
#[derive(Default)]
struct Known {
    removals: Option<u64>,
    environments: HashMap<RunId, String>,
}

impl Known {
    /// Forgets everything if there were removals since.
    fn heed(&mut self, removals: u64) {
        if self.removals != Some(removals) {
            cache::watch_removals();
            self.environments.clear();
            self.removals = Some(removals);
        }
    }

    fn note(&mut self, runs: Vec<(&RunId, String)>) {
        if self.environments.len() + runs.len() > MOST {
            self.environments.clear();
        }
        let runs = runs.into_iter().take(MOST);
        let owned = runs.map(|(id, environment_id)| (id.clone(), environment_id));
        self.environments.extend(owned);
    }
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();

    /// Whether the transaction of the present call had written nothing before it, and sees what is committed.
    static SEES_COMMITTED: Cell<bool> = const { Cell::new(false) };
}

/// Begins a call.
pub(super) fn begin() {
    SEES_COMMITTED.set(!has_written() && isolation::sees_commits());
}

/// The existing runs among these that are of other environments than those that are allowed.
pub(super) fn foreign<'a>(ids: &[&'a RunId], allows: impl Fn(&str) -> bool) -> Vec<&'a RunId> {
    let removals = cache::fresh_removals();
    let mut foreign = Vec::new();
    let mut unknown = Vec::new();
    KNOWN.with_borrow_mut(|known| {
        known.heed(removals);
        for id in ids {
            match known.environments.get(*id) {
                Some(environment_id) if allows(environment_id) => (),
                Some(_) => foreign.push(*id),
                None => unknown.push(*id),
            }
        }
    });
    if unknown.is_empty() {
        return foreign;
    }
    let found = store::run::environments(&unknown);
    let others = found
        .iter()
        .filter(|(_, environment_id)| !allows(environment_id));
    foreign.extend(others.map(|(id, _)| *id));
    if SEES_COMMITTED.get() {
        KNOWN.with_borrow_mut(|known| known.note(found));
    }
    foreign
}

/// Notes runs that the present call has dequeued, and so locked, each with its environment.
pub(super) fn note_dequeued<'a>(runs: impl Iterator<Item = (&'a RunId, &'a str)>) {
    if !SEES_COMMITTED.get() {
        return;
    }
    let runs = runs.map(|(id, environment_id)| (id, environment_id.to_owned()));
    KNOWN.with_borrow_mut(|known| {
        known.heed(cache::removals());
        known.note(runs.collect());
    });
}
