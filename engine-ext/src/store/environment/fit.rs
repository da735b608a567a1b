//! Adapts existing rows to changed limits: slots, queue items, lanes.

use engine_core::Environment;

use crate::backend::cache;
use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;

statement!(FIT_SLOTS, "slots_fit.sql");
statement!(FIND_SLOTS, "slots_fit_find.sql");
statement!(FIND_LANES, "lane_open_find.sql");
statement!(UNFILE, "lane_unfile.sql");
statement!(FORGET_LANES, "lane_forget.sql");
statement!(SIZE, "items_size.sql");
statement!(FITTED, "environment_fitted.sql");

/// Corrects up to `max_items` slots: whether they count, and whether giving them back is noted; returns how many were wrong.
pub(crate) fn slots(environment: &Environment, max_items: i32) -> u64 {
    let others = environment.other_limits();
    FIT_SLOTS.execute(arguments!(FIT_SLOTS {
        shard: environment.shard,
        environment_id: environment.id.as_str(),
        counts_others: others.is_counted,
        limited_queues: limited(environment),
        notes_others: others.is_noted,
        max_items
    }))
}

/// Whether any slot is wrong, locked or not.
pub(crate) fn has_slots(environment: &Environment) -> bool {
    let others = environment.other_limits();
    let found: Vec<bool> = FIND_SLOTS.query(
        arguments!(FIND_SLOTS {
            shard: environment.shard,
            environment_id: environment.id.as_str(),
            counts_others: others.is_counted,
            limited_queues: limited(environment),
            notes_others: others.is_noted
        }),
        cell!(FIND_SLOTS.exists),
    );
    found != [false]
}

/// Removes up to `max_items` items from lanes that the caller holds, and deletes lanes without items.
pub(crate) fn unfile(environment: &Environment, lanes: &[(String, String)], max_items: i32) {
    let (shard, id) = (environment.shard.number(), environment.id.as_str());
    let queues = column(lanes, |(queue, _)| queue.as_str());
    let keys = column(lanes, |(_, key)| key.as_str());
    UNFILE.execute(arguments!(UNFILE {
        shard,
        environment_id: id,
        queues: queues.clone(),
        concurrency_keys: keys.clone(),
        max_items
    }));
    FORGET_LANES.execute(arguments!(FORGET_LANES {
        shard,
        environment_id: id,
        queues,
        concurrency_keys: keys
    }));
}

/// Records that everything fits.
pub(crate) fn set_fitted(environment: &Environment) {
    FITTED.execute(arguments!(FITTED {
        environment_id: environment.id.as_str()
    }));
    cache::changed();
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
    SIZE.execute(arguments!(SIZE {
        shard: environment.shard,
        environment_id: environment.id.as_str(),
        sized_queues: sized,
        sizes_others: all,
        max_items
    }))
}

/// Up to `most` lanes whose queue has no limit.
pub(crate) fn lanes(environment: &Environment, most: i32) -> Vec<(String, String)> {
    let arguments = arguments!(FIND_LANES {
        shard: environment.shard,
        environment_id: environment.id.as_str(),
        limited_queues: limited(environment),
        limits_others: environment.lane_cap().is_some(),
        max_lanes: most
    });
    FIND_LANES.query(arguments, |cells| {
        (
            cell!(cells, FIND_LANES.queue),
            cell!(cells, FIND_LANES.concurrency_key),
        )
    })
}

/// The queues with a limit.
fn limited(environment: &Environment) -> Vec<&str> {
    environment.queue_caps().map(|(queue, _)| queue).collect()
}
