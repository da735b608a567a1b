//! Sleeps inside a backend, on its latch, so that a cancel, a shutdown or the death of the server ends the sleep at once.

#![allow(unsafe_code)]

use pgrx::pg_sys;

/// Waits for `ms` milliseconds, or less if something happens to this backend.
pub(crate) fn sleep_ms(ms: i64) {
    // SAFETY: the latch of this process; waiting on it is what it is for.
    unsafe {
        pg_sys::WaitLatch(
            pg_sys::MyLatch,
            (pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH) as i32,
            ms,
            pg_sys::PG_WAIT_EXTENSION,
        );
    }
    // SAFETY: as above.
    unsafe { pg_sys::ResetLatch(pg_sys::MyLatch) };
    pgrx::check_for_interrupts!();
}
