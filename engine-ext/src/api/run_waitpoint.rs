//! The waitpoint of a run: created when a caller first waits for the end of the run.

use engine_core::RunId;
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern};

use crate::error::{OrRaise, required};
use crate::{api, flow, store};

/// Returns the waitpoint that the end of a run completes, and creates it if there is none.
///
/// The waitpoint of a run that has ended is completed already, with the run's output or error.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn engine_run_waitpoint(
    run_id: Option<&str>,
) -> TableIterator<
    'static,
    (
        name!(waitpoint_id, String),
        name!(status, &'static str),
        name!(is_cached, bool),
        name!(output, Option<String>),
        name!(output_type, String),
        name!(output_is_error, bool),
    ),
> {
    api::enter_locking().or_raise();
    let run_id = RunId::parse(required("run_id", run_id).or_raise());
    let (id, is_cached) = flow::wait::run_waitpoint::get_or_create(&run_id).or_raise();
    match store::waitpoint::read(&id, None) {
        Some(waitpoint) => TableIterator::once((
            id.as_str().to_owned(),
            waitpoint.status.as_str(),
            is_cached,
            waitpoint.output,
            waitpoint.output_type,
            waitpoint.output_is_error,
        )),
        None => unreachable!("it was just read or written"),
    }
}
