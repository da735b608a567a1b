//! Runs that say themselves how long they are kept.

use engine_core::{RunId, Settings, Shard};

use crate::flow;
use crate::store::timer::Due;

/// Removes what is due of runs; returns the timers of those that have gone.
pub(super) fn end<'a>(shard: Shard, settings: &Settings, due: Vec<&'a Due>) -> Vec<&'a Due> {
    let ids: Vec<RunId> = due.iter().map(|due| RunId::parse(&due.id)).collect();
    let gone = flow::keep::end(shard, &ids, settings.now);
    let is_gone = |due: &&Due| gone.iter().any(|run_id| run_id.as_str() == due.id);
    due.into_iter().filter(is_gone).collect()
}
