//! Shards: what is on record about them, and which are in use.

use std::cell::RefCell;
use std::rc::Rc;

use engine_core::{Shard, ShardRecord, Shards, Timestamp};

use crate::backend::cache::{self, Known, known};
use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(READ, "shard_read.sql");
statement!(IN_USE, "shard_in_use.sql");
statement!(HAS_RUNS, "shard_has_runs.sql");
statement!(SET, "shard_set.sql");

thread_local! {
    static RECORDS: Known<Shards> = const { RefCell::new(None) };

    /// The shards in use.
    static USED: Known<Vec<Shard>> = const { RefCell::new(None) };

    /// Those of them that are served.
    static SERVED: Known<Vec<Shard>> = const { RefCell::new(None) };

    /// The others.
    static UNSERVED: Known<Vec<Shard>> = const { RefCell::new(None) };
}

/// The shards of this database.
pub(crate) fn all() -> Rc<Shards> {
    known(&RECORDS, cache::generation(), || Shards::new(read()))
}

/// The same, with all changes that were committed before.
pub(crate) fn all_fresh() -> Rc<Shards> {
    cache::fresh_generation();
    all()
}

/// The shards that have environments here, in order; the first one as well. No other one has rows.
pub(crate) fn in_use() -> Rc<Vec<Shard>> {
    known(&USED, cache::fresh_generation(), || {
        IN_USE.query(arguments!(IN_USE {}), cell!(IN_USE.shard))
    })
}

/// The shards in use that are served, in order.
pub(crate) fn served() -> Rc<Vec<Shard>> {
    known(&SERVED, cache::fresh_generation(), || those_in_use(true))
}

/// The shards in use that are not served: what is due there is left alone.
pub(crate) fn unserved() -> Rc<Vec<Shard>> {
    known(&UNSERVED, cache::fresh_generation(), || those_in_use(false))
}

fn those_in_use(are_served: bool) -> Vec<Shard> {
    let (all, used) = (all(), in_use());
    let those = used
        .iter()
        .filter(|shard| all.serves(**shard) == are_served);
    those.copied().collect()
}

fn read() -> Vec<(Shard, ShardRecord)> {
    READ.query(arguments!(READ {}), |cells| {
        let record = ShardRecord {
            state: cell!(cells, READ.state),
            place: cell!(cells, READ.place),
            has_come: cell!(cells, READ.has_come),
        };
        (cell!(cells, READ.number), record)
    })
}

/// Whether there are runs of a shard here.
pub(crate) fn has_runs(shard: Shard) -> bool {
    HAS_RUNS
        .query(arguments!(HAS_RUNS { shard }), cell!(HAS_RUNS.exists))
        .pop()
        .unwrap_or_default()
}

/// Sets what is on record about a shard, for every session from this commit on, and returns it. Without a place the record keeps
/// the one that it has, unless the shard is served here. That its runs have come stays on record.
pub(crate) fn set(shard: Shard, record: &ShardRecord, now: Timestamp) -> ShardRecord {
    let arguments = arguments!(SET {
        number: shard,
        state: record.state.as_str(),
        place: record.place.as_deref(),
        has_come: record.has_come,
        now
    });
    let set = SET.query(arguments, |cells| ShardRecord {
        state: cell!(cells, SET.state),
        place: cell!(cells, SET.place),
        has_come: cell!(cells, SET.has_come),
    });
    cache::changed();
    match set.into_iter().next() {
        Some(set) => set,
        None => unreachable!("a row is inserted or updated"),
    }
}
