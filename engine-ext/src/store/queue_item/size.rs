//! Sizes of queues with a maximum.

use std::cell::RefCell;
use std::collections::HashMap;

use engine_core::{Environment, Timestamp};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(SIZE, "queue_size.sql");

/// How long a count far below the limit stays valid, milliseconds.
const VALID_MS: i64 = 1_000;

thread_local! {
    /// By environment and queue: the last count, and its time.
    static COUNTED: RefCell<HashMap<(String, String), (i64, Timestamp)>> = RefCell::default();
}

/// The number of queued runs of a queue, counted up to `limit` + 1. A queue that was at most nine tenths full is not counted
/// again within a second: with a limit in the hundreds of thousands every trigger would be slow. What this backend adds in
/// between is added; changes by other sessions are seen a second later.
pub(crate) fn of(
    environment: &Environment,
    queue: &str,
    limit: i32,
    adds: i64,
    now: Timestamp,
) -> i64 {
    let key = (environment.id.clone(), queue.to_owned());
    let known = COUNTED.with_borrow(|counted| counted.get(&key).copied());
    let size = match known {
        Some((size, at))
            if now.ms_since(at) < VALID_MS && (size + adds) * 10 <= i64::from(limit) * 9 =>
        {
            size
        }
        _ => count(environment, queue, limit),
    };
    COUNTED.with_borrow_mut(|counted| counted.insert(key, (size + adds, now)));
    size
}

fn count(environment: &Environment, queue: &str, limit: i32) -> i64 {
    let arguments = arguments!(SIZE {
        shard: environment.shard,
        environment_id: environment.id.as_str(),
        queue,
        cap: i64::from(limit) + 1,
        is_unfitted: !environment.is_fitted
    });
    let size: Option<i64> = SIZE.query(arguments, cell!(SIZE.count)).pop();
    size.unwrap_or(0)
}
