//! Invalidation of what a session caches of the settings, and of runs. Postgres notifies all sessions of a change, as it does for
//! an altered table: at the latest when a session takes its next lock, or asks.
//!
//! Each message is about an empty table, which stands for all settings, or for all runs that are removed: one about a table with
//! rows would also drop every plan that reads that table, and the next call of each session would plan again.

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_int};
use std::rc::Rc;
use std::thread::LocalKey;

use pgrx::pg_sys;

use super::isolation;

/// The table that messages about settings are about.
const SETTINGS: &CStr = c"setting_change";

/// The table that messages about removed runs are about.
const REMOVALS: &CStr = c"run_removal";

thread_local! {
    static GENERATION: Cell<u64> = const { Cell::new(0) };
    static ROLE_GENERATION: Cell<u64> = const { Cell::new(0) };
    static REMOVED: Cell<u64> = const { Cell::new(0) };
    static WATCHED: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::Oid::INVALID) };
    static WATCHED_REMOVALS: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::Oid::INVALID) };
}

/// Grows with every change of the settings: what was cached before is out of date.
pub(crate) fn generation() -> u64 {
    GENERATION.get()
}

/// Grows with every change of a role or a membership, in any database of the server.
pub(crate) fn role_generation() -> u64 {
    ROLE_GENERATION.get()
}

/// Grows with every removal of runs.
pub(crate) fn removals() -> u64 {
    REMOVED.get()
}

/// Processes changes that other sessions have committed, and returns the generation after them.
pub(crate) fn fresh_generation() -> u64 {
    accept();
    GENERATION.get()
}

/// Processes removals that other sessions have committed, and returns [`removals`] after them.
pub(crate) fn fresh_removals() -> u64 {
    accept();
    REMOVED.get()
}

fn accept() {
    // SAFETY: processes messages of other sessions, as every table lock does.
    unsafe { pg_sys::AcceptInvalidationMessages() };
}

/// Subscribes to changes of the settings; call it before reading what is to be cached.
pub(crate) fn watch() {
    WATCHED.set(oid(SETTINGS));
}

/// Subscribes to removals of runs; call it before reading what is to be cached of runs.
pub(crate) fn watch_removals() {
    WATCHED_REMOVALS.set(oid(REMOVALS));
}

/// Notifies every session that the settings have changed, this one at once, the others when this transaction commits.
pub(crate) fn changed() {
    GENERATION.set(GENERATION.get() + 1);
    // SAFETY: queues a message that is sent when this transaction commits.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(oid(SETTINGS)) };
}

/// Notifies every session that runs were removed, as [`changed`] does.
pub(crate) fn removed() {
    REMOVED.set(REMOVED.get() + 1);
    // SAFETY: queues a message that is sent when this transaction commits.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(oid(REMOVALS)) };
}

/// What a session knows of the settings, and as of which generation.
pub(crate) type Known<T> = RefCell<Option<(u64, Rc<T>)>>;

/// What `of` holds as of this generation; reads it if it is of another one.
pub(crate) fn known<T>(
    of: &'static LocalKey<Known<T>>,
    generation: u64,
    read: impl FnOnce() -> T,
) -> Rc<T> {
    let known = of.with_borrow(|known| {
        let known = known.as_ref().filter(|(at, _)| *at == generation);
        known.map(|(_, known)| Rc::clone(known))
    });
    known.unwrap_or_else(|| {
        watch();
        let read = Rc::new(read());
        // The generation is that from before the read: if it changes in between, the next call reads again.
        if isolation::sees_commits() {
            of.set(Some((generation, Rc::clone(&read))));
        }
        read
    })
}

/// Called once, when the library is loaded.
pub(crate) fn install() {
    // SAFETY: a function pointer of this process, which stays valid.
    unsafe {
        pg_sys::CacheRegisterRelcacheCallback(Some(forget), pg_sys::Datum::from(0));
        for cache in [
            pg_sys::SysCacheIdentifier::AUTHOID,
            pg_sys::SysCacheIdentifier::AUTHMEMROLEMEM,
        ] {
            pg_sys::CacheRegisterSyscacheCallback(
                cache as c_int,
                Some(forget_roles),
                pg_sys::Datum::from(0),
            );
        }
    }
}

/// A message about a table, or about all of them.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn forget(_argument: pg_sys::Datum, relation: pg_sys::Oid) {
    let is_about = |table: pg_sys::Oid| relation == pg_sys::Oid::INVALID || relation == table;
    if is_about(WATCHED.get()) {
        GENERATION.set(GENERATION.get() + 1);
    }
    if is_about(WATCHED_REMOVALS.get()) {
        REMOVED.set(REMOVED.get() + 1);
    }
}

/// A role or a membership has changed, and what roles may do with it.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn forget_roles(_argument: pg_sys::Datum, _cache: c_int, _hash: u32) {
    ROLE_GENERATION.set(ROLE_GENERATION.get() + 1);
}

/// The oid of a table or sequence. Looked up each time: the extension may be dropped and created again within a session.
pub(crate) fn oid(table: &CStr) -> pg_sys::Oid {
    // SAFETY: both look into the catalog's cache.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"engine".as_ptr(), false);
        pg_sys::get_relname_relid(table.as_ptr(), schema)
    }
}
