//! Shared memory: what sessions of one server share, where the library is preloaded.
//!
//! The tables remain the truth. No call needs this to be correct, and a server starts with it empty.

pub(crate) mod at_end;
pub(crate) mod bell;
mod cell;
pub(crate) mod reservation;
pub(crate) mod saturation;

use pgrx::pg_sys;

pub(crate) use cell::is_available;

/// Requests the memory, if the library is being preloaded.
#[allow(unsafe_code)]
pub(crate) fn register() {
    // SAFETY: a plain value of this process, set before libraries are loaded.
    if !unsafe { pg_sys::process_shared_preload_libraries_in_progress } {
        return;
    }
    reservation::request();
    saturation::request();
    bell::request();
    cell::set_available();
}
