//! The extension's own catalog entry.

use crate::backend::statement::{Statement, arguments, statement};

static VERSION: Statement = statement!("extension_version_read.sql");

/// The version of the catalog.
pub(crate) fn version() -> Option<String> {
    VERSION.query(arguments![], |cells| cells.value()).pop()
}
