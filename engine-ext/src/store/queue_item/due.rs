//! Environments with items for a worker queue.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use engine_core::Timestamp;

use super::{TABLE, first_item};
use crate::backend::cells::cell;
use crate::backend::low_water;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;

statement!(ENVIRONMENTS, "environment_due.sql");

/// Most environments that are remembered: each of them is looked at once a second.
const MOST: usize = 1_000;

thread_local! {
    /// By worker queue: the environments ever listed.
    static LISTED: RefCell<BTreeMap<String, BTreeSet<String>>> = RefCell::default();
}

/// Up to `count` environments of all shards with items for a worker queue, in the order of their ids, after `after`; each with whether an
/// item may be due.
///
/// A listing reads each dead entry in front of an environment's first live one, as a dequeue there does. If these are many,
/// the session remembers where the live ones begin, for all environments: one of them may have no live entry any more.
pub(crate) fn environments(
    worker_queue: &str,
    after: &str,
    count: i32,
    now: Timestamp,
) -> Vec<(String, bool)> {
    let first = |id: &str, low| first_item(worker_queue, id, low);
    let mut known = low_water::beginnings(worker_queue, TABLE, now, first);
    known.retain(|(id, _)| id.as_str() > after);
    let (due, is_far) = low_water::walk(|| {
        ENVIRONMENTS.query(
            arguments!(ENVIRONMENTS {
                worker_queue,
                after_environment_id: after,
                max_environments: count,
                now,
                environment_id: column(&known, |(id, _)| id.as_str()),
                low: column(&known, |(_, low)| *low)
            }),
            |cells| {
                (
                    cell!(cells, ENVIRONMENTS.environment_id),
                    cell!(cells, ENVIRONMENTS.is_due),
                )
            },
        )
    });
    LISTED.with_borrow_mut(|listed| {
        let listed = listed.entry(worker_queue.to_owned()).or_default();
        listed.extend(due.iter().map(|(id, _): &(String, bool)| id.clone()));
        if is_far {
            for id in listed.iter().take(MOST) {
                low_water::remember((worker_queue.to_owned(), id.clone()), now);
            }
        }
    });
    due
}
