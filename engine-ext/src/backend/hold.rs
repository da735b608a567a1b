//! What a call holds. Locks last until the transaction ends, and a call that has found nothing does not need them: nothing
//! depends on what it read. So an attempt has its own resource owner for its locks, as a portal has, and releases all of
//! them if the transaction has written nothing. This costs no transaction id, unlike a subtransaction.

#![allow(unsafe_code)]

use pgrx::pg_sys;
use pgrx::pg_sys::ResourceReleasePhase::{
    RESOURCE_RELEASE_AFTER_LOCKS, RESOURCE_RELEASE_BEFORE_LOCKS, RESOURCE_RELEASE_LOCKS,
};

use super::low_water::has_written;

/// Runs `attempt`, and afterwards keeps its locks only if this transaction has written something.
///
/// An error passes through: the transaction's abort ends the owner together with its parent.
pub(crate) fn only_if_written<T>(attempt: impl FnOnce() -> T) -> T {
    // SAFETY: the owner of this process, which exists while a statement is executed.
    let outer = unsafe { pg_sys::CurrentResourceOwner };
    // SAFETY: a child of a living owner; the name is a literal.
    let own = unsafe { pg_sys::ResourceOwnerCreate(outer, c"engine attempt".as_ptr()) };
    // SAFETY: a plain value of this process.
    unsafe { pg_sys::CurrentResourceOwner = own };
    let result = attempt();
    // SAFETY: as above.
    unsafe { pg_sys::CurrentResourceOwner = outer };
    // As the commit of a subtransaction does, which passes its locks to the parent, or as its rollback does.
    let is_kept = has_written();
    for phase in [
        RESOURCE_RELEASE_BEFORE_LOCKS,
        RESOURCE_RELEASE_LOCKS,
        RESOURCE_RELEASE_AFTER_LOCKS,
    ] {
        // SAFETY: an owner that only this function knows, in the order that Postgres requires.
        unsafe { pg_sys::ResourceOwnerRelease(own, phase, is_kept, false) };
    }
    // SAFETY: it no longer owns anything.
    unsafe { pg_sys::ResourceOwnerDelete(own) };
    result
}
