//! When runs that wait enter their queues.

use engine_core::{Run, RunId, Shard, Timing};

use crate::store;

/// What says when these locked runs of one shard enter their queues, in the order of their ids.
pub(crate) fn of_all(shard: Shard, ids: &[&RunId]) -> Vec<(RunId, Timing)> {
    store::delay::timings(shard, ids, is_sized)
}

/// When one locked run enters its queue.
pub(crate) fn of(run: &Run) -> Timing {
    match of_all(run.id.shard(), &[&run.id]).pop() {
        Some((_, timing)) => timing,
        None => unreachable!("a run that has a state is there"),
    }
}

/// Whether the length of a queue has a limit.
fn is_sized(environment_id: &str, queue: &str) -> bool {
    let environment = store::environment::find(environment_id);
    environment.is_some_and(|environment| environment.max_queued(queue).is_some())
}
