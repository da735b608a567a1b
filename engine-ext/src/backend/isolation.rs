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

/// Whether each statement sees what was committed before it. The snapshot of a stricter transaction may be older than a change: what
/// it reads is not to be remembered for later ones.
pub(crate) fn sees_commits() -> bool {
    level() <= pg_sys::XACT_READ_COMMITTED as i32
}

/// Refuses a transaction of a stricter level than READ COMMITTED.
///
/// # Errors
/// [`Refusal::WrongIsolation`] (`RE006`).
pub(crate) fn check() -> Result<(), Refusal> {
    if sees_commits() {
        return Ok(());
    }
    let level = if level() == pg_sys::XACT_SERIALIZABLE as i32 {
        "SERIALIZABLE"
    } else {
        "REPEATABLE READ"
    };
    Err(Refusal::WrongIsolation { level })
}

#[allow(unsafe_code)]
fn level() -> i32 {
    // SAFETY: a plain integer of this process, written only by this thread.
    unsafe { pg_sys::XactIsoLevel }
}
