//! Queue items of runs whose time to live has passed.

use engine_core::{RunId, Shard, Timestamp};

use crate::backend::statement::{Statement, arguments, statement};
use crate::backend::value::{column, time};

static FIND: Statement = statement!("queue_item_lapsed_find.sql");
static READ: Statement = statement!("queue_item_lapsed_read.sql");

/// Runs whose time to live has passed.
pub(crate) fn find(shard: Shard, max_items: i32, now: Timestamp) -> Vec<RunId> {
    FIND.query(arguments![shard.number(), time(now), max_items], |cells| {
        RunId::parse(&cells.value::<String>())
    })
}

/// The runs among these locked ones whose time to live has passed, with it.
pub(crate) fn lapsed(shard: Shard, ids: &[&RunId], now: Timestamp) -> Vec<(RunId, String)> {
    READ.query(
        arguments![shard.number(), time(now), column(ids, |id| id.as_str())],
        |cells| (RunId::parse(&cells.value::<String>()), cells.value()),
    )
}
