//! Updates of shared memory at the end of a transaction.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use pgrx::{pg_guard, pg_sys};

/// The order of the callbacks: a session that is woken finds the slots free for which it was woken.
#[derive(Clone, Copy)]
pub(super) enum Order {
    ReleaseReservations,
    AnnounceFreeSlots,
    RingBells,
}

type Callback = fn(pg_sys::XactEvent::Type);

/// Whether Postgres calls this process back.
static IS_REGISTERED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static CALLBACKS: Cell<[Option<Callback>; 3]> = const { Cell::new([None; 3]) };
}

/// Calls `callback` at the end of each transaction of this process from now on.
pub(super) fn call(order: Order, callback: Callback) {
    let mut callbacks = CALLBACKS.get();
    callbacks[order as usize] = Some(callback);
    CALLBACKS.set(callbacks);
    if !IS_REGISTERED.swap(true, Ordering::Relaxed) {
        // SAFETY: a function pointer of this process, which stays valid.
        unsafe { pg_sys::RegisterXactCallback(Some(transaction_ends), ptr::null_mut()) };
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn transaction_ends(
    event: pg_sys::XactEvent::Type,
    _argument: *mut c_void,
) {
    for callback in CALLBACKS.get().into_iter().flatten() {
        callback(event);
    }
}
