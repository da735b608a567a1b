//! The clock, read once per call and passed down. `now()` would be the start of the caller's transaction.

use engine_core::Timestamp;

/// The present moment.
#[allow(unsafe_code)]
pub(crate) fn now() -> Timestamp {
    // SAFETY: reads the system's clock and nothing else.
    Timestamp::from_micros(unsafe { pgrx::pg_sys::GetCurrentTimestamp() })
}
