//! Checks whether the client is still connected. A session notices a lost connection only when it writes to its client, and
//! a waiting session without a client would claim runs that no worker executes.

#![allow(unsafe_code)]

use pgrx::pg_sys;

/// Ends the session if its client is gone, as `client_connection_check_interval` does.
///
/// It may reset the latch of this process: before the next sleep, check everything that sets it.
pub(crate) fn check() {
    if !is_there() {
        // SAFETY: flags of this process that signal handlers set, too.
        unsafe {
            pg_sys::ClientConnectionLost = 1;
            pg_sys::InterruptPending = 1;
        }
    }
    pgrx::check_for_interrupts!();
}

/// Whether the socket is open. A background worker has none, and no client.
fn is_there() -> bool {
    unsafe extern "C-unwind" {
        fn pq_check_connection() -> bool;
    }
    // SAFETY: a plain pointer of this process.
    if unsafe { pg_sys::MyProcPort }.is_null() {
        return true;
    }
    // SAFETY: asks the kernel about the socket of this process, without waiting.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| pq_check_connection()) }
}
