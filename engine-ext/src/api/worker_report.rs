//! Workers tell what they are.

use engine_core::{check_capacity, check_label};
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::error::{OrRaise, required};
use crate::store::worker_report::Report;
use crate::{api, flow};

entries!(engine_report_worker);

/// Notes that a worker is there, and how many runs it holds at once; returns whether it was known.
///
/// A worker calls it when it begins, every ten seconds, and with a `capacity` of 0 when it ends. Dequeues go by nothing of this: it is
/// for those who look, in `engine.worker_state`. The tick forgets a worker that has told nothing for an hour or two.
///
/// # Errors
/// - `22004` without a capacity, or with neither a `worker_id` nor a `runner_id`.
/// - `22023` for a capacity outside 0..=1000000, or a text that is too long.
/// - `42501` without an environment, for a role that works in some of them only.
/// - `RE005` for an unknown environment.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_report_worker(
    capacity: Option<i32>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
    worker_queue: Option<&str>,
    environment_id: Option<&str>,
    worker_version: Option<&str>,
) -> bool {
    api::enter_locking().or_raise();
    let capacity = required("capacity", capacity).and_then(check_capacity);
    let caller = api::caller(worker_id, runner_id).or_raise();
    let report = Report {
        environment_id,
        worker_queue: check_label("worker_queue", worker_queue)
            .or_raise()
            .unwrap_or("main"),
        version: check_label("worker_version", worker_version).or_raise(),
        capacity: capacity.or_raise(),
    };
    flow::worker_report::report(caller, &report).or_raise()
}
