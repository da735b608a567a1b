//! Adapts existing rows to changed limits: slots, queue items, lanes.

use engine_core::Environment;

use super::{QUEUE_TABLE, TABLE};
use crate::backend::cache;
use crate::backend::statement::{Cells, Statement, arguments, statement};
use crate::backend::value::column;

static FIT_SLOTS: Statement = statement!("slots_fit.sql");
static FIND_SLOTS: Statement = statement!("slots_fit_find.sql");
static FIND_LANES: Statement = statement!("lane_open_find.sql");
static UNFILE: Statement = statement!("lane_unfile.sql");
static FORGET_LANES: Statement = statement!("lane_forget.sql");
static SIZE: Statement = statement!("items_size.sql");
static FITTED: Statement = statement!("environment_fitted.sql");

/// Corrects up to `max_items` slots: whether they count, and whether giving them back is noted; returns how many were wrong.
pub(crate) fn slots(environment: &Environment, max_items: i32) -> u64 {
    let others = environment.other_limits();
    FIT_SLOTS.execute(arguments![
        environment.shard.number(),
        environment.id.as_str(),
        others.is_counted,
        limited(environment),
        others.is_noted,
        max_items,
    ])
}

/// Whether any slot is wrong, locked or not.
pub(crate) fn has_slots(environment: &Environment) -> bool {
    let others = environment.other_limits();
    let found = FIND_SLOTS.query(
        arguments![
            environment.shard.number(),
            environment.id.as_str(),
            others.is_counted,
            limited(environment),
            others.is_noted
        ],
        Cells::value::<bool>,
    );
    found != [false]
}

/// Removes up to `max_items` items from lanes that the caller holds, and deletes lanes without items.
pub(crate) fn unfile(environment: &Environment, lanes: &[(String, String)], max_items: i32) {
    let (shard, id) = (environment.shard.number(), environment.id.as_str());
    let queues = column(lanes, |(queue, _)| queue.as_str());
    let keys = column(lanes, |(_, key)| key.as_str());
    UNFILE.execute(arguments![
        shard,
        id,
        queues.clone(),
        keys.clone(),
        max_items
    ]);
    FORGET_LANES.execute(arguments![shard, id, queues, keys]);
}

/// Records that everything fits.
pub(crate) fn set_fitted(environment: &Environment) {
    FITTED.execute(arguments![environment.id.as_str()]);
    cache::changed(TABLE);
    cache::changed(QUEUE_TABLE);
}

/// Counts items towards the maximum size of their queues; returns how many.
pub(crate) fn sizes(environment: &Environment, max_items: i32) -> u64 {
    let sized: Vec<&str> = environment
        .queues
        .iter()
        .filter(|(_, queue)| queue.max_size.is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    let all = environment.max_queue_size.is_some();
    if sized.is_empty() && !all {
        return 0;
    }
    SIZE.execute(arguments![
        environment.shard.number(),
        environment.id.as_str(),
        sized,
        all,
        max_items,
    ])
}

/// Up to `most` lanes whose queue has no limit.
pub(crate) fn lanes(environment: &Environment, most: i32) -> Vec<(String, String)> {
    let arguments = arguments![
        environment.shard.number(),
        environment.id.as_str(),
        limited(environment),
        environment.lane_cap().is_some(),
        most,
    ];
    FIND_LANES.query(arguments, |cells| (cells.value(), cells.value()))
}

/// The queues with a limit.
fn limited(environment: &Environment) -> Vec<&str> {
    environment.queue_caps().map(|(queue, _)| queue).collect()
}
