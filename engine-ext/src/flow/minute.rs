//! What happened per minute, gathered from the history.

use engine_core::Timestamp;

use crate::store;

/// Gathers what has been written since the last time, if it is time; returns to how many minutes and tasks something was added.
///
/// Each step goes up to where the history ended at the step before: what commits as late as ten seconds after its events were
/// written is counted too. What takes longer is not; for figures to look at, that is enough.
pub(crate) fn gather(now: Timestamp) -> usize {
    let is_due = store::minute::is_due(now);
    if is_due.is_none() {
        store::minute::begin(now);
    }
    if is_due != Some(true) {
        return 0;
    }
    let Some(mark) = store::minute::lock(now) else {
        return 0;
    };
    let number = store::minute::gather(&mark, now);
    store::minute::delete_old(now);
    store::minute::set(&mark, now);
    number
}
