//! The clock that tests move.

use engine_core::{Refusal, Timestamp, check_test_clock};

use crate::{clock, flow, guc, store};

/// Moves the clock of the database forward to a moment, from which it continues; returns the moment that it shows then.
///
/// # Errors
/// [`Refusal::TestClockOff`] (`55000`) unless a superuser has allowed it, those of [`check_test_clock`].
pub(crate) fn set(at: Timestamp) -> Result<Timestamp, Refusal> {
    if !guc::allows_test_clock() {
        return Err(Refusal::TestClockOff);
    }
    let at = check_test_clock(at, flow::moment())?;
    store::test_clock::set(at.micros().saturating_sub(clock::now().micros()).max(0));
    Ok(flow::moment())
}
