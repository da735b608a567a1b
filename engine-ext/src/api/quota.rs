//! Quotas of environments.

use engine_core::{QuotaChange, check_name};
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::error::{OrRaise, required};
use crate::{api, flow};

entries!(engine_set_quota);

row! {
    /// What an environment may use at most; null for no bound.
    QuotaRow {
        environment_id: String,
        queued_runs: Option<i64>,
        runs_per_second: Option<f64>,
        payload_bytes: Option<i64>,
        kept_bytes: Option<i64>,
        schedules: Option<i32>,
    }
}

/// Sets what an environment may use at most, and returns it.
///
/// -1 keeps a bound, NULL removes it. `queued_runs` bounds runs that wait: queued, delayed and parked ones. `runs_per_second` is an
/// average: those of a second may be triggered at once, and one call more than these if none were before it. `payload_bytes` bounds
/// one payload, `kept_bytes` those of all runs that are kept, which this counts by reading them; triggers that are under way are
/// not counted. `schedules` bounds schedules. What exists is kept. In an environment with one of the first two or `kept_bytes`, triggers
/// wait for each other until their transactions end.
///
/// # Errors
/// - `22004` without an environment, `22023` for a number below -1, a rate above a million or below one in a million seconds, more schedules than a billion, or
///   more of anything else than a hundred trillion.
/// - `RE005` for an unknown environment.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
/// - `42501` for a caller that has not `operate` in every environment.
#[pg_extern(sql = false)]
fn engine_set_quota(
    environment_id: Option<&str>,
    queued_runs: Option<i64>,
    runs_per_second: Option<f64>,
    payload_bytes: Option<i64>,
    kept_bytes: Option<i64>,
    schedules: Option<i32>,
) -> Rows<QuotaRow> {
    api::enter_locking().or_raise();
    let id = required("environment_id", environment_id).or_raise();
    let id = check_name("environment_id", id).or_raise();
    let change = QuotaChange {
        queued_runs: QuotaChange::read_count("queued_runs", queued_runs).or_raise(),
        runs_per_second: QuotaChange::read_rate(runs_per_second).or_raise(),
        payload_bytes: QuotaChange::read_count("payload_bytes", payload_bytes).or_raise(),
        kept_bytes: QuotaChange::read_count("kept_bytes", kept_bytes).or_raise(),
        schedules: QuotaChange::read_schedules(schedules).or_raise(),
    };
    let set = flow::quota::set(id, change).or_raise();
    Rows::one(QuotaRow {
        environment_id: id.to_owned(),
        queued_runs: set.queued_runs,
        runs_per_second: set.runs_per_second,
        payload_bytes: set.payload_bytes,
        kept_bytes: set.kept_bytes,
        schedules: set.schedules,
    })
}
