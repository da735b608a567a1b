//! Work that may fail without its transaction: an error takes back what it did, and nothing else.

#![allow(unsafe_code)]

use std::panic::AssertUnwindSafe;

use engine_core::Refusal;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::{PgSqlErrorCode, PgTryBuilder, pg_sys};

use super::caller;

/// Does work in a subtransaction; if it fails, takes it back and returns the SQLSTATE of the error.
///
/// Errors that are not the work's own end the transaction as before: a timeout, a shutdown, a deadlock, a full disk.
pub(crate) fn attempt<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    within(work, |_| true)
}

/// The same for work that may be refused: a refusal takes it back, too.
pub(crate) fn answer<R>(
    work: impl FnOnce() -> Result<R, Refusal>,
) -> Result<Result<R, Refusal>, String> {
    within(work, Result::is_ok)
}

fn within<R>(work: impl FnOnce() -> R, stays: impl FnOnce(&R) -> bool) -> Result<R, String> {
    // SAFETY: plain pointers of this process, restored below as PL/pgSQL does for its blocks with exceptions.
    let (memory, owner) = unsafe { (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner) };
    let call = caller::call();
    // SAFETY: within a transaction; the subtransaction is ended in both ways below.
    unsafe {
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::MemoryContextSwitchTo(memory);
    }
    let answer = PgTryBuilder::new(AssertUnwindSafe(|| {
        let answer = work();
        // SAFETY: the subtransaction that began above.
        unsafe {
            if stays(&answer) {
                pg_sys::ReleaseCurrentSubTransaction();
            } else {
                pg_sys::RollbackAndReleaseCurrentSubTransaction();
            }
        }
        Ok(answer)
    }))
    .catch_others(|error| match own(&error) {
        Some(sqlstate) => {
            // SAFETY: the error is caught, and nothing of the subtransaction is used any more.
            unsafe { pg_sys::RollbackAndReleaseCurrentSubTransaction() };
            Err(sqlstate)
        }
        None => error.rethrow(),
    })
    .execute();
    // SAFETY: as they were before.
    unsafe {
        pg_sys::MemoryContextSwitchTo(memory);
        pg_sys::CurrentResourceOwner = owner;
    }
    caller::note(call);
    answer
}

/// The SQLSTATE of an error that is the work's own.
fn own(error: &CaughtError) -> Option<String> {
    let (CaughtError::PostgresError(report) | CaughtError::ErrorReport(report)) = error else {
        return None;
    };
    let sqlstate = text(report.sql_error_code());
    let is_foreign = ["40", "53", "57", "58", "55P03"]
        .iter()
        .any(|class| sqlstate.starts_with(class));
    (!is_foreign).then_some(sqlstate)
}

/// Five characters, of six bits each.
fn text(code: PgSqlErrorCode) -> String {
    let code = code as i32;
    let character = |place: i32| char::from(b'0'.wrapping_add((code >> (6 * place) & 0x3f) as u8));
    (0..5).map(character).collect()
}
