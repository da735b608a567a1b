//! Compares library and catalog: between the installation of a new library and `ALTER EXTENSION … UPDATE` the two differ,
//! and statements of one would meet tables of the other.

use std::cell::Cell;

use engine_core::Refusal;

use crate::backend::{cache, isolation};
use crate::store;

const LIBRARY: &str = env!("CARGO_PKG_VERSION");

thread_local! {
    /// The generation of the caches in which they were found equal.
    static CHECKED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Compares the versions: at a session's first call, and again after a message about the settings. Every update sends one: a
/// session that has loaded the old library keeps it.
///
/// # Errors
/// [`Refusal::VersionMismatch`] (`RE007`).
pub(crate) fn check() -> Result<(), Refusal> {
    if CHECKED.get() == Some(cache::generation()) {
        return Ok(());
    }
    cache::watch();
    let generation = cache::generation();
    match store::extension::version() {
        Some(catalog) if catalog != LIBRARY => Err(differ(catalog)),
        _ => {
            if isolation::sees_commits() {
                CHECKED.set(Some(generation));
            }
            Ok(())
        }
    }
}

/// The refusal of a call that only the catalog of another release makes.
pub(crate) fn mismatch() -> Refusal {
    differ(store::extension::version().unwrap_or_default())
}

fn differ(catalog: String) -> Refusal {
    Refusal::VersionMismatch {
        library: LIBRARY.to_owned(),
        catalog,
    }
}
