//! Replay: the work of a run once more.

use engine_core::{Refusal, RunId};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern, search_path};

use super::arrival::{TriggeredRow, trigger};
use crate::error::{OrRaise, required};
use crate::store::trigger::Birth;
use crate::{api, store};

/// Triggers a new run that does the work of another one again, and returns it.
///
/// It takes over task, payload, queue, limits, tags and metadata, whatever became of the other run, and begins with attempt 1.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `54000` if its payload is over the present limit.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn engine_replay(
    run_id: Option<&str>,
) -> TableIterator<
    'static,
    (
        name!(run_id, String),
        name!(snapshot_id, String),
        name!(run_status, &'static str),
        name!(execution_status, &'static str),
        name!(is_cached, bool),
        name!(created_at, TimestampWithTimeZone),
    ),
> {
    api::enter_writing().or_raise();
    TableIterator::new(replay(run_id).or_raise())
}

fn replay(run_id: Option<&str>) -> Result<Vec<TriggeredRow>, Refusal> {
    let run_id = RunId::parse(required("run_id", run_id)?);
    match store::options::of_replay(&run_id) {
        Some(options) => trigger(vec![options], &Birth::QUEUED, |_, refusal| refusal),
        None => Err(Refusal::UnknownRun { run_id }),
    }
}
