//! Plans that stay good.
//!
//! A generic plan is made once per session, and often while the tables are still empty. The cheapest plan then (read all
//! rows of the shard, filter) is ruinous when they are full, and the plan is not made again. So our statements are planned
//! as if every table were large: the planner asks a hook for the size of a table, and while one of our statements runs, the
//! hook says so.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::CStr;

use pgrx::pg_sys;

/// Rows that every table is assumed to have.
const ROWS: f64 = 10_000_000.0;
const PAGES: u32 = 200_000;
const INDEX_PAGES: u32 = 50_000;

thread_local! {
    static PLANS_ARE_OURS: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, statements are planned for large tables.
pub(crate) struct LargeTables(());

impl LargeTables {
    pub(crate) fn assumed() -> Self {
        PLANS_ARE_OURS.set(true);
        Self(())
    }
}

impl Drop for LargeTables {
    fn drop(&mut self) {
        PLANS_ARE_OURS.set(false);
    }
}

/// Installs the hook; called once, when the library is loaded.
pub(crate) fn install() {
    // SAFETY: hooks are plain function pointers of this process, written while the library is loaded.
    unsafe {
        PREVIOUS.set(pg_sys::get_relation_info_hook);
        pg_sys::get_relation_info_hook = Some(enlarge);
    }
}

thread_local! {
    static PREVIOUS: Cell<pg_sys::get_relation_info_hook_type> = const { Cell::new(None) };
}

/// The hook: Postgres has just measured `relation`.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn enlarge(
    root: *mut pg_sys::PlannerInfo,
    oid: pg_sys::Oid,
    is_inheritance_parent: bool,
    relation: *mut pg_sys::RelOptInfo,
) {
    if let Some(previous) = PREVIOUS.get() {
        // SAFETY: the arguments are passed on as they came.
        unsafe { previous(root, oid, is_inheritance_parent, relation) };
    }
    if !PLANS_ARE_OURS.get() {
        return;
    }
    // SAFETY: Postgres passes a relation whose index list it has just built.
    unsafe {
        (*relation).pages = PAGES;
        (*relation).tuples = ROWS;
        let indexes = pgrx::PgList::<pg_sys::IndexOptInfo>::from_pg((*relation).indexlist);
        for index in indexes.iter_ptr() {
            (*index).pages = INDEX_PAGES;
            (*index).tuples = ROWS;
        }
    }
}

/// Plan nodes that cost more than they save for a statement that reads a few rows by key; bitmaps first.
const SWITCHED_OFF: &[&CStr] = &[c"enable_bitmapscan", c"enable_memoize", c"jit"];

/// Runs `execute`, which makes a plan, without these nodes.
pub(crate) fn with_simple_plans<R>(uses_bitmaps: bool, execute: impl FnOnce() -> R) -> R {
    // SAFETY: the nest level is closed below; on an error the transaction's abort closes it.
    let level = unsafe { pg_sys::NewGUCNestLevel() };
    for name in SWITCHED_OFF.iter().skip(usize::from(uses_bitmaps)) {
        // SAFETY: literals; the settings exist in the versions that they are compiled for.
        unsafe {
            pg_sys::set_config_option(
                name.as_ptr(),
                c"off".as_ptr(),
                pg_sys::GucContext::PGC_USERSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
        }
    }
    let result = execute();
    // SAFETY: closes the level opened above.
    unsafe { pg_sys::AtEOXact_GUC(true, level) };
    result
}
