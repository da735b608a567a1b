//! What is done in shared memory once a transaction has ended.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use pgrx::{pg_guard, pg_sys};

use crate::store::{reservation, saturation};
use crate::wakeup::bell;

/// Whether this process is told of the ends of its transactions.
static IS_TOLD: AtomicBool = AtomicBool::new(false);

/// Has this process told of the ends of its transactions from now on.
pub(crate) fn watch() {
    if !IS_TOLD.swap(true, Ordering::Relaxed) {
        // SAFETY: a function pointer of this process, for good.
        unsafe { pg_sys::RegisterXactCallback(Some(transaction_ends), ptr::null_mut()) };
    }
}

/// In this order: who is woken finds the slots free that it was woken for.
#[pg_guard]
unsafe extern "C-unwind" fn transaction_ends(
    event: pg_sys::XactEvent::Type,
    _argument: *mut c_void,
) {
    reservation::transaction_ends(event);
    saturation::transaction_ends(event);
    bell::transaction_ends(event);
}
