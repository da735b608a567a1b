//! Sets what this database does with shards.

use engine_core::{Shard, ShardRecord};
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::error::{OrRaise, required};
use crate::{api, flow};

entries!(engine_set_shard);

row! {
    /// A shard, and what is on record about it.
    ShardRow {
        shard: i32,
        state: &'static str,
        place: Option<String>,
    }
}

/// Sets what this database does with a shard, and returns what is on record then.
///
/// `state` is SERVING; MOVING while the shard is handed over to another database: what is there can be read and is not changed;
/// or AWAY if this database does not serve it. Calls about a shard that is AWAY are refused with `RE020`, which names `place`, where
/// the shard is; calls that would write to one that is MOVING with `RE021`. Dequeues and ticks leave alone what is due there, and
/// calls that wait for runs of such a shard end. A place stays until another one is given, or the shard is served here. Transactions
/// that began before the commit may still write: before you copy the last rows of a shard, wait until they have ended. Set a
/// shard AWAY in the database that is to get it, before you copy anything there.
///
/// # Errors
/// - `22004` without a shard or a state.
/// - `22023` for a shard outside 0..=1295, an unknown state, a place of more than 1024 bytes, or one of a shard that is served; for
///   SERVING also if the shard has events at positions that this database has not reached.
/// - `42501` for a caller that has not `operate` in every environment.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_set_shard(
    shard: Option<i32>,
    state: Option<&str>,
    place: Option<&str>,
) -> Rows<ShardRow> {
    api::enter_locking().or_raise();
    let number = required("shard", shard).or_raise();
    let shard = Shard::check("shard", number).or_raise();
    let state = required("state", state).or_raise();
    let record = ShardRecord::check(state, place).or_raise();
    let set = flow::shard::set(shard, record).or_raise();
    Rows::one(ShardRow {
        shard: number,
        state: set.state.as_str(),
        place: set.place,
    })
}
