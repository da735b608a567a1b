//! Queue items of runs whose time to live has passed.

use engine_core::{RunId, Shard, Timestamp};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(FIND, "queue_item_lapsed_find.sql");
statement!(READ, "queue_item_lapsed_read.sql");

/// Runs of all shards but these, whose time to live has passed.
pub(crate) fn find(unserved: &[Shard], max_items: i32, now: Timestamp) -> Vec<(Shard, RunId)> {
    let arguments = arguments!(FIND {
        now,
        max_items,
        unserved: unserved.to_vec()
    });
    FIND.query(arguments, |cells| {
        (cell!(cells, FIND.shard), cell!(cells, FIND.run_id))
    })
}

/// The runs among these locked ones whose time to live has passed, with it.
pub(crate) fn lapsed(shard: Shard, ids: &[&RunId], now: Timestamp) -> Vec<(RunId, String)> {
    READ.query(
        arguments!(READ {
            shard,
            now,
            run_ids: ids
        }),
        |cells| (cell!(cells, READ.run_id), cell!(cells, READ.ttl)),
    )
}
