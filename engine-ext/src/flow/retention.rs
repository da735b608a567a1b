//! Retention policies: sets them, and tells what each is about to remove.

use std::collections::BTreeMap;

use engine_core::{KeptRuns, RunOutcome, Timestamp};

use crate::{backend, flow, store};

/// A policy, set or built in.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Policy {
    pub(crate) is_built_in: bool,
    pub(crate) runs: KeptRuns,
    /// Milliseconds; `None` for ever.
    pub(crate) keep_ms: Option<i64>,
}

/// The runs for which a policy holds.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) count: i64,
    /// When the first of them is removed.
    pub(crate) next_at: Option<Timestamp>,
}

/// Sets how long runs are kept after they have ended.
pub(crate) fn set(runs: &KeptRuns, keep_ms: Option<i64>) {
    // Lets a sweep that is under way end: it decides when to look again by the policies that it found.
    backend::locks::keep_from_sweep();
    let now = flow::now();
    store::retention::set(runs, keep_ms, now);
    store::stretch::hurry(now);
}

/// Deletes a policy; returns whether it existed.
pub(crate) fn delete(runs: &KeptRuns) -> bool {
    backend::locks::keep_from_sweep();
    let is_deleted = store::retention::delete(runs);
    store::stretch::hurry(flow::now());
    is_deleted
}

/// Every policy that was set or that holds for a run that has ended, with those runs.
pub(crate) fn all() -> BTreeMap<Policy, Held> {
    let retention = store::retention::all();
    let mut all: BTreeMap<Policy, Held> = retention
        .set()
        .filter(|(runs, _)| is_shown(runs))
        .map(|(runs, keep_ms)| (Policy::set(runs, keep_ms), Held::default()))
        .collect();
    for ended in store::retention::count() {
        if !flow::right::allows(&ended.run.environment_id) {
            continue;
        }
        let Some(outcome) = RunOutcome::of(ended.run.run_status) else {
            continue;
        };
        let until = retention.keep_until(&ended.run, ended.first);
        let policy = match retention.policy(&ended.run, outcome) {
            Some((runs, keep_ms)) => Policy::set(runs, keep_ms),
            None => Policy {
                is_built_in: true,
                runs: KeptRuns {
                    outcome: Some(outcome),
                    ..KeptRuns::default()
                },
                keep_ms: until.map(|until| until.ms_since(ended.first)),
            },
        };
        let held = all.entry(policy).or_default();
        held.count += ended.count;
        held.next_at = match (held.next_at, until) {
            (Some(next_at), Some(until)) => Some(next_at.min(until)),
            (next_at, until) => next_at.or(until),
        };
    }
    all
}

/// Whether the caller is shown a policy that holds for none of its runs.
fn is_shown(runs: &KeptRuns) -> bool {
    flow::right::environment_or_all(runs.environment_id.as_deref()).is_ok()
}

impl Policy {
    fn set(runs: &KeptRuns, keep_ms: Option<i64>) -> Self {
        Self {
            is_built_in: false,
            runs: runs.clone(),
            keep_ms,
        }
    }
}
