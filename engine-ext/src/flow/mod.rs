//! What a call does: lock, decide, apply, and settle what follows.
//!
//! It asks core for decisions and store for statements, and knows nothing of the SQL functions.

pub(crate) mod attempt;
pub(crate) mod audit;
pub(crate) mod batch;
pub(crate) mod bulk;
pub(crate) mod dequeue;
pub(crate) mod event;
pub(crate) mod forget;
pub(crate) mod keep;
pub(crate) mod leftover;
pub(crate) mod minute;
mod pace;
pub(crate) mod promotion;
pub(crate) mod quota;
pub(crate) mod removal;
pub(crate) mod replay;
pub(crate) mod retention;
pub(crate) mod right;
pub(crate) mod schedule;
pub(crate) mod setting;
pub(crate) mod settle;
pub(crate) mod shard;
pub(crate) mod sweep;
pub(crate) mod test_clock;
pub(crate) mod tick;
pub(crate) mod timing;
mod transition;
pub(crate) mod trigger;
pub(crate) mod turn;
pub(crate) mod wait;
pub(crate) mod work;
pub(crate) mod worker_report;

use std::collections::BTreeMap;
use std::rc::Rc;

use engine_core::{Environment, Refusal, Run, RunId, Settings, Shard, Timestamp};

use crate::{clock, guc, store};

/// The clock of a call that may write queue items and deadlines: scans rely on these never being written at a time before
/// their writer has announced itself.
pub(crate) fn now() -> Timestamp {
    store::queue_item::announce();
    store::heartbeat::announce();
    moment()
}

/// The present moment by the clock of the database: the system's, unless tests have moved it.
pub(crate) fn moment() -> Timestamp {
    let now = clock::now();
    if !guc::allows_test_clock() {
        return now;
    }
    Timestamp::from_micros(now.micros().saturating_add(store::test_clock::ahead_us()))
}

/// The inputs of decisions in a call at `now`.
pub(crate) fn settings(now: Timestamp) -> Settings {
    guc::settings(now, store::machine::all().to_vec())
}

/// Items by their shards: a statement about a run is about one shard.
pub(crate) fn by_shard<T>(
    items: impl IntoIterator<Item = T>,
    shard: impl Fn(&T) -> Shard,
) -> BTreeMap<Shard, Vec<T>> {
    let mut shards: BTreeMap<Shard, Vec<T>> = BTreeMap::new();
    for item in items {
        shards.entry(shard(&item)).or_default().push(item);
    }
    shards
}

/// Locks a run.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`).
pub(crate) fn lock(run_id: &RunId) -> Result<Run, Refusal> {
    store::run::lock(run_id).ok_or_else(|| Refusal::UnknownRun {
        run_id: run_id.clone(),
    })
}

/// Reads the environment that a call is about.
///
/// # Errors
/// [`Refusal::UnknownEnvironment`] (`RE005`), and those of [`shard::check`].
pub(crate) fn environment(id: &str) -> Result<Rc<Environment>, Refusal> {
    found(id, store::environment::find(id))
}

/// Reads an environment without the cache, for a call that holds it for setting.
///
/// # Errors
/// As [`environment`].
pub(crate) fn environment_fresh(id: &str) -> Result<Rc<Environment>, Refusal> {
    found(id, store::environment::find_fresh(id))
}

fn found(id: &str, environment: Option<Rc<Environment>>) -> Result<Rc<Environment>, Refusal> {
    let unknown = || Refusal::UnknownEnvironment {
        environment_id: id.to_owned(),
    };
    let environment = environment.ok_or_else(unknown)?;
    shard::check(environment.shard).map(|()| environment)
}
