//! Shards: which calls are refused because a shard is not here, or is being moved, and how operators set that.
//!
//! A call is refused by the shard of the id or of the environment that it names; what is due is left alone where a shard is not
//! served. A transaction that began before a record was committed goes by the record before.

use engine_core::{EVERYWHERE, Refusal, Shard, ShardRecord};

use crate::backend::caller;
use crate::shared::bell;
use crate::{flow, store};

/// Refuses a call about a shard that is not here, and one that may write about a shard that is being moved.
///
/// # Errors
/// [`Refusal::ShardElsewhere`] (`RE020`), [`Refusal::ShardMoving`] (`RE021`).
pub(crate) fn check(shard: Shard) -> Result<(), Refusal> {
    let shards = store::shard::all();
    if caller::call().is_some_and(|call| call.writes) {
        shards.check_writable(shard)
    } else {
        shards.check_readable(shard)
    }
}

/// Refuses a call about an environment whose shard is not here, if the environment exists.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_environment(id: &str) -> Result<(), Refusal> {
    match store::environment::find(id) {
        Some(environment) if id != EVERYWHERE => check(environment.shard),
        _ => Ok(()),
    }
}

/// Whether the rows of a shard can be read here.
pub(crate) fn is_here(shard: Shard) -> bool {
    store::shard::all().check_readable(shard).is_ok()
}

/// Whether what is due on a shard is done here.
pub(crate) fn serves(shard: Shard) -> bool {
    store::shard::all().serves(shard)
}

/// Sets what this database does with a shard, and returns what is on record then. Calls that wait for runs look again once this
/// transaction commits.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) if the shard cannot be served before the database has reached the positions of its events.
pub(crate) fn set(shard: Shard, mut record: ShardRecord) -> Result<ShardRecord, Refusal> {
    let shards = store::shard::all_fresh();
    record.has_come = shards.comes(shard, record.state, store::shard::has_runs(shard));
    let set = store::shard::set(shard, &record, flow::moment());
    set.check_positions(shard, store::event::are_ahead(shard))?;
    bell::ring_all_at_commit();
    Ok(set)
}
