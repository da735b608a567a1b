//! What users see: every function is arguments → core → store → rows.
//!
//! NULL for a parameter that has a default means the default; NULL for one that has none is refused with `22004`.

mod attempt;
mod dequeue;
mod heartbeat;
mod observe;
mod tick;
mod trigger;

use engine_core::{Refusal, Timestamp};
use pgrx::datum::TimestampWithTimeZone;

use crate::{isolation, store, version};

/// First thing in every function.
///
/// # Errors
/// [`Refusal::VersionMismatch`] (`RE007`).
fn enter() -> Result<(), Refusal> {
    version::check()
}

/// First thing in every function that locks.
///
/// # Errors
/// [`Refusal::VersionMismatch`] (`RE007`), [`Refusal::WrongIsolation`] (`RE006`).
fn enter_locking() -> Result<(), Refusal> {
    version::check()?;
    isolation::check()
}

fn time(moment: Timestamp) -> TimestampWithTimeZone {
    store::run::time(moment)
}
