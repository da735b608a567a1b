//! Requirements on transactions. Functions that lock and then decide need READ COMMITTED: in a stricter level the statement
//! after the lock would still see the run as it was before.

use engine_core::Refusal;
use pgrx::pg_sys;

/// Refuses a read-only transaction, before a statement in it fails with less advice.
///
/// # Errors
/// [`Refusal::ReadOnly`] (`25006`).
#[allow(unsafe_code)]
pub(crate) fn check_writable() -> Result<(), Refusal> {
    // SAFETY: a plain boolean of this process, written only by this thread. It is set in every transaction of a standby.
    if !unsafe { pg_sys::XactReadOnly } {
        return Ok(());
    }
    Err(Refusal::ReadOnly {
        // SAFETY: reads a flag in shared memory.
        is_standby: unsafe { pg_sys::RecoveryInProgress() },
    })
}

/// Refuses a transaction of a stricter level than READ COMMITTED.
///
/// # Errors
/// [`Refusal::WrongIsolation`] (`RE006`).
#[allow(unsafe_code)]
pub(crate) fn check() -> Result<(), Refusal> {
    // SAFETY: a plain integer of this process, written only by this thread.
    let level = unsafe { pg_sys::XactIsoLevel };
    if level <= pg_sys::XACT_READ_COMMITTED as i32 {
        return Ok(());
    }
    let level = if level == pg_sys::XACT_SERIALIZABLE as i32 {
        "SERIALIZABLE"
    } else {
        "REPEATABLE READ"
    };
    Err(Refusal::WrongIsolation { level })
}
