//! The run engine inside Postgres: the SQL functions `engine_*`.
//!
//! The rooms, from the top: `api` is what users see; `flow` does a call; `store` executes statements; `shared` is shared
//! memory; `backend` is Postgres's own machinery. Each knows only those below it. The crate `engine-core` decides, and knows
//! none of them; the files under `sql/` are all the SQL that Postgres executes.

#[cfg(not(panic = "unwind"))]
compile_error!("Postgres' errors unwind through Rust frames: build with panic = \"unwind\"");

mod api;
mod backend;
mod clock;
mod document;
mod error;
mod flow;
mod guc;
mod mint;
mod outdated;
mod schema;
mod shared;
mod store;
mod update;
mod version;
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
    backend::planner::install();
    backend::cache::install();
    backend::memory::install();
    shared::register();
    worker::register();
}
