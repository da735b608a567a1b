//! Forgetting of runs.

use engine_core::{Forgotten, check_max_items};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::document::JsonB;
use crate::error::OrRaise;
use crate::{api, flow};

entries!(engine_forget);

row! {
    /// A run, and what becomes of it.
    ForgottenRow {
        run_id: String,
        task: String,
        environment_id: String,
        run_status: &'static str,
        completed_at: Option<TimestampWithTimeZone>,
        snapshot_count: i64,
        outcome: &'static str,
    }
}

/// Forgets runs that have ended, with all that belongs to them, before their time has come; returns what becomes of each.
///
/// Payload, output, metadata, errors, history, events, waits and checkpoints are deleted. With `dry_run`, which is the default,
/// nothing is, and the rows show what would be. Name one run, or pass a `filter`, as for `engine_bulk`: it is about up to
/// `max_runs` runs that match all of it. `outcome` is `forgotten`, or `removable` in a dry run; `live` for a run that has not ended; `unread` while a
/// named reader of events holds it; `needed` while something else needs it: a parent or a batch that has not ended, a child
/// that stays; `locked` while another session works on it. A key by which a trigger finds the run stays until it expires.
///
/// # Errors
/// - `RE001` for an unknown run, `RE004` for one that has not ended.
/// - `22023` for neither a run nor a filter, a filter that is empty or has something else in it, or `max_runs` outside
///   1..=100000.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_forget(
    run_id: Option<&str>,
    filter: Option<JsonB>,
    dry_run: Option<bool>,
    max_runs: Option<i32>,
) -> Rows<ForgottenRow> {
    api::enter_locking().or_raise();
    let max_runs = check_max_items("max_runs", max_runs.unwrap_or(1000)).or_raise();
    let filter = filter.map(|filter| filter.0);
    let runs = Forgotten::read(run_id, filter.as_ref()).or_raise();
    match &runs {
        Forgotten::Run(run_id) => flow::right::run(run_id),
        Forgotten::Matching(filter) => flow::right::filter(filter),
    }
    .or_raise();
    let fates = flow::forget::forget(&runs, dry_run.unwrap_or(true), max_runs).or_raise();
    Rows::new(fates.into_iter().map(|(run, fate)| ForgottenRow {
        run_id: run.run_id.as_str().to_owned(),
        task: run.task,
        environment_id: run.environment_id,
        run_status: run.run_status.as_str(),
        completed_at: run.completed_at.map(api::time),
        snapshot_count: run.snapshot_count,
        outcome: fate.as_str(),
    }))
}
