//! Whether somebody is there yet to whom an answer can be sent. A session learns of it only when it writes to its client, and one
//! that waits would claim the next run for nobody.

#![allow(unsafe_code)]

use pgrx::pg_sys;

/// Ends this session if its client is gone, as `client_connection_check_interval` does.
///
/// It may reset the latch of this process: look, before the next sleep, for whatever sets it.
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

/// Whether the socket is open. A background worker has none, and nobody can leave it.
#[cfg(not(feature = "pg13"))]
fn is_there() -> bool {
    unsafe extern "C-unwind" {
        fn pq_check_connection() -> bool;
    }
    // SAFETY: a plain pointer of this process.
    if unsafe { pg_sys::MyProcPort }.is_null() {
        return true;
    }
    // SAFETY: asks the kernel about the socket of this process, and waits for nothing.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| pq_check_connection()) }
}

/// Postgres 13 cannot tell.
#[cfg(feature = "pg13")]
fn is_there() -> bool {
    true
}
