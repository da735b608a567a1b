//! Machine presets that somebody has set. They are read once and kept by each session until somebody sets one: Postgres
//! tells all sessions, as it does for a table that was altered.

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};

use engine_core::{Machine, Preset};
use pgrx::pg_sys;

use super::statement::{Statement, arguments, statement};

static READ: Statement = statement!("machine_read.sql");
static SET: Statement = statement!("machine_set.sql");

thread_local! {
    static KEPT: RefCell<Option<Vec<(Machine, Preset)>>> = const { RefCell::new(None) };
    static TABLE: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::Oid::INVALID) };
}

/// The presets that were set.
pub(crate) fn all() -> Vec<(Machine, Preset)> {
    if let Some(kept) = KEPT.with_borrow(Clone::clone) {
        return kept;
    }
    TABLE.set(table());
    let read = READ.query(arguments![], |cells| {
        let machine = match Machine::parse(&cells.value::<String>()) {
            Some(machine) => machine,
            None => unreachable!("only presets are set"),
        };
        let preset = Preset {
            cpu: cells.value(),
            memory: cells.value(),
            cents_per_ms: cells.value(),
        };
        (machine, preset)
    });
    KEPT.set(Some(read.clone()));
    read
}

/// Sets a preset, for every session from the commit of this one on.
pub(crate) fn set(machine: Machine, preset: Preset) {
    SET.execute(arguments![
        machine.as_str(),
        preset.cpu,
        preset.memory,
        preset.cents_per_ms
    ]);
    // SAFETY: queues a message that is sent when this transaction commits.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(table()) };
}

/// Called once, when the library is loaded.
pub(crate) fn install() {
    // SAFETY: a function pointer of this process, for good.
    unsafe {
        pg_sys::CacheRegisterRelcacheCallback(Some(forget), pg_sys::Datum::from(0));
    }
}

/// A table was altered, or all of them may have been.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn forget(_argument: pg_sys::Datum, relation: pg_sys::Oid) {
    if relation == pg_sys::Oid::INVALID || relation == TABLE.get() {
        KEPT.set(None);
    }
}

fn table() -> pg_sys::Oid {
    // SAFETY: literals; both look into the catalog's cache.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"engine".as_ptr(), false);
        pg_sys::get_relname_relid(c"machine".as_ptr(), schema)
    }
}
