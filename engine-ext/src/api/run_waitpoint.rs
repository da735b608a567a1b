//! The waitpoint of a run: created when a caller first waits for the end of the run.

use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::error::OrRaise;
use crate::{api, flow, store};

entries!(engine_run_waitpoint);

row! {
    /// The waitpoint of a run.
    RunWaitpointRow {
        waitpoint_id: String,
        status: &'static str,
        is_cached: bool,
        output: Option<String>,
        output_type: String,
        output_is_error: bool,
    }
}

/// Returns the waitpoint that the end of a run completes, and creates it if there is none.
///
/// The waitpoint of a run that has ended is completed already, with the run's output or error.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_run_waitpoint(run_id: Option<&str>) -> Rows<RunWaitpointRow> {
    api::enter_locking().or_raise();
    let run_id = api::run_id(run_id).or_raise();
    let (id, is_cached) = flow::wait::run_waitpoint::get_or_create(&run_id).or_raise();
    match store::waitpoint::read(&id, None) {
        Some(waitpoint) => Rows::one(RunWaitpointRow {
            waitpoint_id: id.as_str().to_owned(),
            status: waitpoint.status.as_str(),
            is_cached,
            output: waitpoint.output,
            output_type: waitpoint.output_type,
            output_is_error: waitpoint.output_is_error,
        }),
        None => unreachable!("it was just read or written"),
    }
}
