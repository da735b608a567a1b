//! The handshake of library and catalog: between the installation of a new library and `ALTER EXTENSION … UPDATE` the two
//! differ, and statements of one would meet tables of the other.

use std::cell::Cell;

use engine_core::Refusal;

use crate::store;

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
    let library = env!("CARGO_PKG_VERSION");
    match store::extension::version() {
        Some(catalog) if catalog != library => Err(Refusal::VersionMismatch {
            library: library.to_owned(),
            catalog,
        }),
        _ => {
            CHECKED.set(true);
            Ok(())
        }
    }
}
