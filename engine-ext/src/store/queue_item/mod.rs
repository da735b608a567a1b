//! Queue items: runs that wait to be dequeued.

pub(crate) mod claim;
pub(crate) mod due;
pub(crate) mod expiry;
pub(crate) mod lane;
pub(crate) mod length;

use std::ffi::CStr;

use engine_core::{RunId, Shard, Timestamp};

use crate::backend::low_water;
use crate::backend::statement::{Statement, arguments, statement};
use crate::backend::value::{column, moment, time};

static FIRST: Statement = statement!("queue_first.sql");
static DELETE: Statement = statement!("queue_item_delete.sql");
pub(super) const TABLE: &CStr = c"queue_item";

/// Where a claimer looks: the runs of an environment that workers of a worker queue may have.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) shard: Shard,
    pub(crate) worker_queue: &'a str,
    pub(crate) environment_id: &'a str,
    /// The version of the workers, if they say so.
    pub(crate) worker_version: Option<&'a str>,
    /// Whether it hands nothing out, and only wants to know whether it would.
    pub(crate) only_looks: bool,
}

impl Source<'_> {
    /// Runs a scan of the items that are in no lane.
    pub(super) fn scan<T>(&self, now: Timestamp, scan: impl FnOnce(Timestamp) -> Vec<T>) -> Vec<T> {
        let (shard, worker_queue) = (self.shard, self.worker_queue);
        let first = |low| first_item(shard, worker_queue, self.environment_id, low);
        let place = (family(shard, worker_queue), self.environment_id.to_owned());
        low_water::scan(&place, TABLE, now, first, scan)
    }
}

/// The scans of a worker queue's items, one for each environment (`low_water`).
pub(super) fn family(shard: Shard, worker_queue: &str) -> String {
    format!("{} {worker_queue}", shard.number())
}

/// When the first item of an environment from a position on became available.
pub(super) fn first_item(
    shard: Shard,
    worker_queue: &str,
    environment_id: &str,
    low: Timestamp,
) -> Option<Timestamp> {
    let arguments = arguments![shard.number(), worker_queue, environment_id, time(low)];
    FIRST.query(arguments, moment).pop()
}

/// Has claimers know that this transaction may write items from now on. Call it before the clock is read.
pub(crate) fn announce() {
    low_water::announce_writes(TABLE);
}

/// Takes the items of locked runs out of their queues; gives those that were there.
pub(crate) fn delete(shard: Shard, runs: &[&RunId]) -> Vec<RunId> {
    DELETE.query(
        arguments![shard.number(), column(runs, |run_id| run_id.as_str())],
        |cells| RunId::parse(&cells.value::<String>()),
    )
}
