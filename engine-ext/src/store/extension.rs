//! The extension's own catalog entry.

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(VERSION, "extension_version_read.sql");

/// The version of the catalog.
pub(crate) fn version() -> Option<String> {
    VERSION
        .query(arguments!(VERSION {}), cell!(VERSION.extversion))
        .pop()
}
