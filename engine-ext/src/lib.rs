//! The run engine inside Postgres.

pgrx::pg_module_magic!();

#[cfg(not(panic = "unwind"))]
compile_error!("the extension must be built with panic = \"unwind\"");

/// The version of the loaded library.
#[pgrx::pg_extern(immutable, parallel_safe)]
fn engine_version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
