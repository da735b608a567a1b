//! Invalidation of what a session caches of cold tables. Postgres notifies all sessions of a change, as it does for an
//! altered table: at the latest when a session takes its next lock, or asks.

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::ffi::CStr;

use pgrx::pg_sys;

thread_local! {
    static GENERATION: Cell<u64> = const { Cell::new(0) };
    static WATCHED: RefCell<Vec<pg_sys::Oid>> = const { RefCell::new(Vec::new()) };
}

/// Grows with every change of a watched table: what was cached before is out of date.
pub(crate) fn generation() -> u64 {
    GENERATION.get()
}

/// Processes changes that other sessions have committed, and returns the generation after them.
pub(crate) fn fresh_generation() -> u64 {
    // SAFETY: processes messages of other sessions, as every table lock does.
    unsafe { pg_sys::AcceptInvalidationMessages() };
    GENERATION.get()
}

/// Subscribes to changes of a table of schema `engine`; call it before reading what is to be cached.
pub(crate) fn watch(table: &CStr) {
    let oid = oid(table);
    WATCHED.with_borrow_mut(|watched| {
        if !watched.contains(&oid) {
            watched.push(oid);
        }
    });
}

/// Notifies every session that a table has changed, this one at once, the others when this transaction commits.
pub(crate) fn changed(table: &CStr) {
    GENERATION.set(GENERATION.get() + 1);
    // SAFETY: queues a message that is sent when this transaction commits.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(oid(table)) };
}

/// Called once, when the library is loaded.
pub(crate) fn install() {
    // SAFETY: a function pointer of this process, which stays valid.
    unsafe {
        pg_sys::CacheRegisterRelcacheCallback(Some(forget), pg_sys::Datum::from(0));
    }
}

/// A table was altered, or all of them may have been.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn forget(_argument: pg_sys::Datum, relation: pg_sys::Oid) {
    let is_watched = WATCHED.with_borrow(|watched| watched.contains(&relation));
    if relation == pg_sys::Oid::INVALID || is_watched {
        GENERATION.set(GENERATION.get() + 1);
    }
}

/// The oid of a table or sequence. Looked up each time: the extension may be dropped and created again within a session.
pub(crate) fn oid(table: &CStr) -> pg_sys::Oid {
    // SAFETY: both look into the catalog's cache.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"engine".as_ptr(), false);
        pg_sys::get_relname_relid(table.as_ptr(), schema)
    }
}
