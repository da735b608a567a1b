//! The extension's own catalog entry.

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(FUNCTION_SCHEMA, "extension_function_schema_read.sql");
statement!(IS_PUBLIC, "schema_is_public_read.sql");
statement!(VERSION, "extension_version_read.sql");
statement!(VIEWS, "view_read.sql");

/// The version of the catalog.
pub(crate) fn version() -> Option<String> {
    VERSION
        .query(arguments!(VERSION {}), cell!(VERSION.extversion))
        .pop()
}

/// The schema of the functions.
pub(crate) fn function_schema() -> String {
    let found = FUNCTION_SCHEMA
        .query(arguments!(FUNCTION_SCHEMA {}), cell!(FUNCTION_SCHEMA.name))
        .pop();
    match found {
        Some(name) => name,
        None => unreachable!("a function of the extension was called"),
    }
}

/// Whether every role may use a schema.
pub(crate) fn is_public(schema: &str) -> bool {
    IS_PUBLIC
        .query(arguments!(IS_PUBLIC { schema }), cell!(IS_PUBLIC.is_public))
        .pop()
        .unwrap_or(false)
}

/// The names of its views: for a reader of every environment all of them, else those that show the reader its own.
pub(crate) fn views(is_everywhere: bool) -> Vec<String> {
    VIEWS.query(arguments!(VIEWS { is_everywhere }), cell!(VIEWS.name))
}
