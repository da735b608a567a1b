//! Runs that were locked when a waitpoint of theirs was completed.

use std::collections::BTreeSet;

use engine_core::{RunId, Settings, Shard};

use crate::store::timer::Due;
use crate::{flow, store};

/// Resumes runs that have nothing left to wait for; returns the timers that are done. A run that another session has locked
/// comes later.
pub(super) fn resume<'a>(shard: Shard, settings: &Settings, due: Vec<&'a Due>) -> Vec<&'a Due> {
    let ids: BTreeSet<RunId> = due.iter().map(|due| RunId::parse(due.subject())).collect();
    let runs = store::run::lock_free(shard, &ids.iter().collect::<Vec<_>>());
    let seen = flow::wait::resume::ready(shard, &runs, settings);
    due.into_iter()
        .filter(|due| seen.iter().any(|id| id.as_str() == due.subject()))
        .collect()
}
