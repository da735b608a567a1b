//! A look at the runs of a filter, before anything is done to them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use engine_core::{RunId, Timestamp};
use serde_json::Value;

use crate::store::run_match::{self, Match, Source, Wanted};
use crate::{flow, store};

/// Runs that are read at once.
const PAGE: usize = 5_000;

/// Most runs that are counted.
const MOST: i64 = 1_000_000;

/// How long a look takes at most, if its caller does not say how many runs it expects.
const PATIENCE: Duration = Duration::from_secs(10);

/// Samples from each end of the runs.
const SAMPLES: usize = 5;

/// What a look has found.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) count: i64,
    /// Whether these are all.
    pub(crate) is_exact: bool,
    /// How many, by run status.
    pub(crate) by_status: BTreeMap<String, i64>,
    pub(crate) oldest_at: Option<Timestamp>,
    pub(crate) newest_at: Option<Timestamp>,
    first: Vec<RunId>,
    last: Vec<RunId>,
}

/// Counts the runs that are wanted, up to a few more than `most`.
pub(super) fn at(wanted: &Wanted<'_>, source: Source, most: Option<i64>) -> Seen {
    let mut seen = Seen::default();
    let begun = Instant::now();
    let in_use = store::shard::in_use();
    let here = in_use.iter().filter(|shard| flow::shard::is_here(**shard));
    for &shard in here {
        let mut after = Some(String::new());
        while let Some(behind) = after {
            pgrx::check_for_interrupts!();
            let is_enough = seen.count > most.unwrap_or(MOST);
            if is_enough || most.is_none() && begun.elapsed() > PATIENCE {
                return seen;
            }
            let page = run_match::page(shard, source, wanted, &behind, PAGE);
            page.runs.into_iter().for_each(|run| seen.add(run));
            after = page.end.map(|id| id.as_str().to_owned());
        }
    }
    seen.is_exact = true;
    seen
}

impl Seen {
    fn add(&mut self, run: Match) {
        self.count += 1;
        *self.by_status.entry(run.run_status).or_default() += 1;
        let at = run.created_at;
        self.oldest_at = Some(self.oldest_at.map_or(at, |oldest| oldest.min(at)));
        self.newest_at = Some(self.newest_at.map_or(at, |newest| newest.max(at)));
        if self.first.len() < SAMPLES {
            self.first.push(run.id);
            return;
        }
        if self.last.len() == SAMPLES {
            self.last.remove(0);
        }
        self.last.push(run.id);
    }

    /// Up to ten of the runs.
    pub(crate) fn samples(&self) -> Vec<Value> {
        let ids: Vec<&RunId> = self.first.iter().chain(&self.last).collect();
        store::bulk_action::sample(&ids)
    }
}
