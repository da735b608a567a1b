//! Runs that were locked when something was completed that they waited for.

use std::collections::BTreeSet;

use engine_core::RunId;

use super::Tick;
use crate::store::timer::Due;
use crate::{flow, store};

/// Goes on with those that have nothing left to wait for; gives the timers that were done. A run that somebody else has locked comes
/// later.
pub(super) fn go_on<'a>(tick: &Tick<'_>, due: Vec<&'a Due>) -> Vec<&'a Due> {
    let ids: BTreeSet<RunId> = due.iter().map(|due| RunId::parse(due.subject())).collect();
    let runs = store::run::lock_free(tick.shard, &ids.iter().collect::<Vec<_>>());
    let seen = flow::wait::resume::ready(tick.shard, &runs, tick.settings);
    due.into_iter()
        .filter(|due| seen.iter().any(|id| id.as_str() == due.subject()))
        .collect()
}
