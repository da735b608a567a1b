//! Calls the tick as its users do: the background worker is one of them, and has their rights.

#![allow(unsafe_code)]

use std::ffi::CString;

use pgrx::pg_sys;

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(SCHEMA, "extension_schema_read.sql");
statement!(TICK, "tick.sql");

/// Calls the function as the current role; returns the number of items done. Does nothing without the extension.
pub(crate) fn call(max_items: i32) -> i64 {
    let schema: Option<String> = SCHEMA
        .query(arguments!(SCHEMA {}), cell!(SCHEMA.search_path))
        .pop();
    let Some(path) = schema.and_then(|schema| CString::new(schema).ok()) else {
        return 0;
    };
    // The function is in the schema where the extension was created, or to which it was moved. SAFETY: a setting of this
    // transaction only, with a value that outlives the call.
    unsafe {
        pg_sys::set_config_option(
            c"search_path".as_ptr(),
            path.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_LOCAL,
            true,
            0,
            false,
        );
    }
    TICK.query(arguments!(TICK { max_items }), cell!(TICK.processed))
        .pop()
        .unwrap_or(0)
}
