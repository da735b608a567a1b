//! Environments that have something for a worker queue.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use engine_core::{Shard, Timestamp};

use super::{TABLE, family, first_item};
use crate::backend::low_water;
use crate::backend::statement::{Cells, Statement, arguments, statement};
use crate::backend::value::{column, time};

static ENVIRONMENTS: Statement = statement!("environment_due.sql");

/// Of so many environments it is remembered, at most: each is looked at once a second then.
const MOST: usize = 1_000;

thread_local! {
    /// By family of scans: the environments that were ever listed.
    static LISTED: RefCell<BTreeMap<String, BTreeSet<String>>> = RefCell::default();
}

/// Up to `count` environments that have something for a worker queue, in the order of their ids, after `after`; each with whether
/// some of it may be due.
///
/// A listing looks at each dead entry in front of an environment's first living one, like a claim there does. If these are many,
/// it is remembered where the living begin, of all environments: it may be one that has nothing alive any more.
pub(crate) fn environments(
    shard: Shard,
    worker_queue: &str,
    after: &str,
    count: i32,
    now: Timestamp,
) -> Vec<(String, bool)> {
    let family = family(shard, worker_queue);
    let first = |id: &str, low| first_item(shard, worker_queue, id, low);
    let mut known = low_water::beginnings(&family, TABLE, now, first);
    known.retain(|(id, _)| id.as_str() > after);
    let (due, is_far) = low_water::walk(|| {
        ENVIRONMENTS.query(
            arguments![
                shard.number(),
                worker_queue,
                after,
                count,
                time(now),
                column(&known, |(id, _)| id.as_str()),
                column(&known, |(_, low)| time(*low)),
            ],
            |cells: &mut Cells| (cells.value(), cells.value()),
        )
    });
    LISTED.with_borrow_mut(|listed| {
        let listed = listed.entry(family.clone()).or_default();
        listed.extend(due.iter().map(|(id, _): &(String, bool)| id.clone()));
        if is_far {
            for id in listed.iter().take(MOST) {
                low_water::remember((family.clone(), id.clone()), now);
            }
        }
    });
    due
}
