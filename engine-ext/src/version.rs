//! Compares library and catalog: between the installation of a new library and `ALTER EXTENSION … UPDATE` the two differ,
//! and statements of one would meet tables of the other.

use std::cell::Cell;

use engine_core::Refusal;

use crate::store;

const LIBRARY: &str = env!("CARGO_PKG_VERSION");

thread_local! {
    static CHECKED: Cell<bool> = const { Cell::new(false) };
}

/// Compares the versions, once per session.
///
/// # Errors
/// [`Refusal::VersionMismatch`] (`RE007`).
pub(crate) fn check() -> Result<(), Refusal> {
    if CHECKED.get() {
        return Ok(());
    }
    match store::extension::version() {
        Some(catalog) if catalog != LIBRARY => Err(differ(catalog)),
        _ => {
            CHECKED.set(true);
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
