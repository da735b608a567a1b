//! Updates of shared memory at the end of a transaction.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use pgrx::{pg_guard, pg_sys};

/// The order of the callbacks: slots are free before this is announced.
#[derive(Clone, Copy)]
pub(super) enum Order {
    ReleaseReservations,
    AnnounceFreeSlots,
    ForgetBells,
}

type Callback = fn(pg_sys::XactEvent::Type);

/// Whether Postgres calls this process back at the end of a transaction.
static IS_REGISTERED: AtomicBool = AtomicBool::new(false);

/// Whether it also does so once other sessions see all of the transaction.
static IS_REGISTERED_LAST: AtomicBool = AtomicBool::new(false);

thread_local! {
    static CALLBACKS: Cell<[Option<Callback>; 3]> = const { Cell::new([None; 3]) };
    static LAST: Cell<Option<fn()>> = const { Cell::new(None) };
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

/// Calls `callback` after each commit of this process from now on, once other sessions see all of it: its rows, the settings
/// that it has changed (which they cache), and that its locks are released. At the commit itself they see only the rows.
pub(super) fn call_once_seen(callback: fn()) {
    LAST.set(Some(callback));
    if !IS_REGISTERED_LAST.swap(true, Ordering::Relaxed) {
        // SAFETY: a function pointer of this process, which stays valid.
        unsafe {
            pg_sys::RegisterResourceReleaseCallback(Some(resources_are_released), ptr::null_mut());
        }
    }
}

/// Called for each resource owner of the transaction; also when it is prepared.
#[pg_guard]
unsafe extern "C-unwind" fn resources_are_released(
    phase: pg_sys::ResourceReleasePhase::Type,
    is_commit: bool,
    is_top_level: bool,
    _argument: *mut c_void,
) {
    let is_last = phase == pg_sys::ResourceReleasePhase::RESOURCE_RELEASE_AFTER_LOCKS;
    if is_last
        && is_commit
        && is_top_level
        && let Some(callback) = LAST.get()
    {
        callback();
    }
}
