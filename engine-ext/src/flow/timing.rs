//! When waiting runs enter their queues.

use engine_core::{Run, RunId, Shard, Timing};

use crate::store;

/// The timings of these locked runs of one shard, in the order of their ids.
pub(crate) fn of_all(shard: Shard, ids: &[&RunId]) -> Vec<(RunId, Timing)> {
    store::delay::timings(shard, ids, is_sized)
}

/// The timing of one locked run.
pub(crate) fn of(run: &Run) -> Timing {
    match of_all(run.id.shard(), &[&run.id]).pop() {
        Some((_, timing)) => timing,
        None => unreachable!("a run that has a state is there"),
    }
}

/// Whether a queue has a maximum size.
fn is_sized(environment_id: &str, queue: &str) -> bool {
    let environment = store::environment::find(environment_id);
    environment.is_some_and(|environment| environment.max_queued(queue).is_some())
}
