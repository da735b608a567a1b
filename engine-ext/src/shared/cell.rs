//! Cells: what sessions share about an environment is in the cell that its id hashes to.

#![allow(unsafe_code)]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

use pgrx::pg_sys;

/// Environments share this many cells. Two in one cell cost each other only speed.
pub(super) const CELLS: usize = 4096;

/// Whether there is shared memory: set before the first process is forked.
static IS_AVAILABLE: AtomicBool = AtomicBool::new(false);

/// Whether this server has the shared memory of this library.
pub(crate) fn is_available() -> bool {
    IS_AVAILABLE.load(Ordering::Relaxed)
}

/// Records that the memory was requested.
pub(super) fn set_available() {
    IS_AVAILABLE.store(true, Ordering::Relaxed);
}

/// The cell of an environment of this database.
pub(super) fn cell(environment_id: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    // SAFETY: a plain value of this process.
    unsafe { pg_sys::MyDatabaseId }.hash(&mut hasher);
    environment_id.hash(&mut hasher);
    usize::try_from(hasher.finish() % CELLS as u64).unwrap_or_default()
}
