//! Queue items: runs that wait to be dequeued.

pub(crate) mod dequeue;
pub(crate) mod due;
pub(crate) mod expiry;
pub(crate) mod hand_out;
pub(crate) mod lane;
pub(crate) mod size;
pub(crate) mod started;

use std::ffi::CStr;

use engine_core::{RunId, Shard, Timestamp};

use crate::backend::cells::cell;
use crate::backend::low_water;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(FIRST, "queue_first.sql");
statement!(DELETE, "queue_item_delete.sql");
statement!(READ, "queue_item_read.sql");
pub(super) const TABLE: &CStr = c"queue_item";

/// Where a dequeue looks: the runs of an environment that workers of a worker queue may claim.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) shard: Shard,
    pub(crate) worker_queue: &'a str,
    pub(crate) environment_id: &'a str,
    /// The version of the workers, if stated.
    pub(crate) worker_version: Option<&'a str>,
    /// What becomes of the runs that it finds.
    pub(crate) purpose: Purpose,
}

/// What a dequeue wants of the runs that it may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To know whether there are any.
    Look,
    /// To hand them out; their worker starts them.
    HandOut,
    /// To start them at once.
    Start {
        /// Whether their worker has executed runs before.
        is_warm: bool,
    },
}

impl Source<'_> {
    /// Runs a scan of the items that are not filed.
    pub(super) fn scan<T>(&self, now: Timestamp, scan: impl FnOnce(Timestamp) -> Vec<T>) -> Vec<T> {
        let first = |low| first_item(self.worker_queue, self.environment_id, low);
        low_water::scan(&self.scan_name(), TABLE, now, first, scan)
    }

    /// The scans of a worker queue are a family, with one for each environment.
    fn scan_name(&self) -> low_water::Scan {
        let family = self.worker_queue.to_owned();
        (family, self.environment_id.to_owned())
    }
}

/// Lets the session's knowledge of where these scans begin advance, which it cannot any more once the call has written.
pub(crate) fn look_ahead(worker_queue: &str, now: Timestamp) {
    let first = |environment_id: &str, low| first_item(worker_queue, environment_id, low);
    low_water::beginnings(worker_queue, TABLE, now, first);
}

/// When the first item of an environment after a position became available.
pub(super) fn first_item(
    worker_queue: &str,
    environment_id: &str,
    low: Timestamp,
) -> Option<Timestamp> {
    let arguments = arguments!(FIRST {
        worker_queue,
        environment_id,
        low
    });
    FIRST.query(arguments, cell!(FIRST.available_at)).pop()
}

/// Announces to dequeues that this transaction may write items. Call it before the clock is read.
pub(crate) fn announce() {
    low_water::announce_writes(TABLE);
}

/// Deletes the queue items of locked runs; returns the runs that had one.
pub(crate) fn delete(shard: Shard, runs: &[&RunId]) -> Vec<RunId> {
    DELETE.query(
        arguments!(DELETE {
            shard,
            run_ids: runs
        }),
        cell!(DELETE.run_id),
    )
}

/// The order of a locked run in its queue, and when it expires there; `None` if it is not queued.
pub(crate) fn order(id: &RunId) -> Option<(Timestamp, Option<Timestamp>)> {
    let rows = READ.query(
        arguments!(READ {
            shard: id.shard(),
            run_id: id.as_str()
        }),
        |cells| {
            (
                cell!(cells, READ.available_at),
                cell!(cells, READ.expires_at),
            )
        },
    );
    rows.into_iter().next()
}
