//! The run engine inside Postgres: the SQL functions `engine_*`.
//!
//! `api` is what users see, `store` is the only room that touches SPI, the crate `engine-core` decides, and the files under
//! `sql/` are everything that Postgres is ever asked to do.

#[cfg(not(panic = "unwind"))]
compile_error!("Postgres' errors unwind through Rust frames: build with panic = \"unwind\"");

mod api;
mod at_end;
mod clock;
mod document;
mod error;
mod guc;
mod isolation;
mod mint;
mod outdated;
mod schema;
mod store;
mod version;
mod wakeup;
mod worker;

#[cfg(feature = "pg18")]
pgrx::pg_module_magic!(name, version);
#[cfg(not(feature = "pg18"))]
pgrx::pg_module_magic!();

/// Called once per process, when the library is loaded.
#[allow(non_snake_case)]
#[pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    error::hide_backtraces();
    guc::register();
    store::planner::install();
    store::kept::install();
    store::reservation::register();
    wakeup::bell::register();
    worker::register();
}
