//! What workers tell of themselves.

use engine_core::{NamedTurn, Timestamp};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::store::row::Caller;

statement!(SET, "worker_report_set.sql");
statement!(DELETE, "worker_report_delete.sql");
statement!(FORGET, "worker_report_forget.sql");

/// A worker, as it tells of itself.
pub(crate) struct Report<'a> {
    /// The environment whose runs it executes; `None` for any.
    pub(crate) environment_id: Option<&'a str>,
    pub(crate) worker_queue: &'a str,
    pub(crate) version: Option<&'a str>,
    /// How many runs it holds at once, at most.
    pub(crate) capacity: i32,
}

/// Notes what a worker tells; returns whether it was known.
pub(crate) fn set(caller: Caller<'_>, report: &Report<'_>, now: Timestamp) -> bool {
    let known = SET.query(
        arguments!(SET {
            environment_id: report.environment_id.unwrap_or_default(),
            worker_id: caller.worker_id.unwrap_or_default(),
            runner_id: caller.runner_id.unwrap_or_default(),
            worker_queue: report.worker_queue,
            version: report.version,
            capacity: report.capacity,
            now,
            forget_at: NamedTurn::forget_at(now)
        }),
        |cells| cell!(cells, SET.is_known as bool),
    );
    known.into_iter().any(|is_known| is_known)
}

/// Forgets a worker that ends; returns whether it was known.
pub(crate) fn delete(caller: Caller<'_>, environment_id: Option<&str>) -> bool {
    DELETE.execute(arguments!(DELETE {
        environment_id: environment_id.unwrap_or_default(),
        worker_id: caller.worker_id.unwrap_or_default(),
        runner_id: caller.runner_id.unwrap_or_default()
    })) > 0
}

/// Forgets workers that are gone; returns their number.
pub(crate) fn forget(max_items: i32, now: Timestamp) -> usize {
    FORGET.execute(arguments!(FORGET { now, max_items })) as usize
}
