//! The mutex of an environment. Who claims where nothing is limited shares it; who claims where slots must be counted, and
//! who sets limits, holds it alone. It lasts until the transaction ends: the next holder sees everything that this one wrote.
//!
//! It comes before every other lock. Only who sets limits waits for it, and nobody waits for it while holding a run.

#![allow(unsafe_code)]

use pgrx::{IntoDatum, direct_function_call, pg_sys};

/// Takes the mutex alone, if nobody has it.
pub(crate) fn try_alone(environment_id: &str) -> bool {
    // SAFETY: takes a bigint, and returns whether it has the lock.
    let locked: Option<bool> = unsafe {
        direct_function_call(
            pg_sys::pg_try_advisory_xact_lock_int8,
            &[key(environment_id).into_datum()],
        )
    };
    locked.unwrap_or(false)
}

/// Shares the mutex, if nobody has it alone.
pub(crate) fn try_shared(environment_id: &str) -> bool {
    // SAFETY: takes a bigint, and returns whether it has the lock.
    let locked: Option<bool> = unsafe {
        direct_function_call(
            pg_sys::pg_try_advisory_xact_lock_shared_int8,
            &[key(environment_id).into_datum()],
        )
    };
    locked.unwrap_or(false)
}

/// Takes the mutex alone, and waits for it.
pub(crate) fn wait_alone(environment_id: &str) {
    // SAFETY: takes a bigint, and returns nothing.
    let _: Option<()> = unsafe {
        direct_function_call(
            pg_sys::pg_advisory_xact_lock_int8,
            &[key(environment_id).into_datum()],
        )
    };
}

/// The key of an environment: FNV-1a, the same in every process and every version of the library. Two environments may share
/// a key, which costs them speed only.
fn key(environment_id: &str) -> i64 {
    let hash = environment_id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    hash as i64
}
