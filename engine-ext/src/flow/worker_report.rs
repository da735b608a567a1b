//! Workers tell what they are.

use engine_core::Refusal;

use crate::backend::commit;
use crate::store::row::Caller;
use crate::store::worker_report::Report;
use crate::{flow, store};

/// Notes what a worker tells of itself, or forgets it if it holds no run any more and takes none; returns whether it was known.
///
/// Nothing waits for a report to reach the disk: the next one says the same.
///
/// # Errors
/// [`Refusal::NotGranted`] (`42501`), [`Refusal::UnknownEnvironment`] (`RE005`), those of its shard, and
/// [`Refusal::MissingValue`] (`22004`) for a worker without a name.
pub(crate) fn report(caller: Caller<'_>, report: &Report<'_>) -> Result<bool, Refusal> {
    flow::right::environment_or_all(report.environment_id)?;
    if let Some(id) = report.environment_id {
        flow::environment(id)?;
    }
    if caller.worker_id.or(caller.runner_id).is_none() {
        let parameter = "worker_id";
        return Err(Refusal::MissingValue { parameter });
    }
    let is_known = commit::without_flush(|| match report.capacity {
        0 => store::worker_report::delete(caller, report.environment_id),
        _ => store::worker_report::set(caller, report, flow::moment()),
    });
    Ok(is_known)
}
