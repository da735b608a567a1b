//! The mutex of an environment, and the lanes of one. Who sets limits holds the mutex alone, and so does who claims where the
//! environment itself has a limit, since then every slot counts. All other claimers share it; where a queue has a limit they
//! take the lanes that they take slots of, each for itself. Both last until the transaction ends: the next holder sees
//! everything that this one wrote.
//!
//! The mutex comes before every other lock, and lanes before runs. Only who sets limits waits, for the mutex, and holds
//! nothing meanwhile.

#![allow(unsafe_code)]

use pgrx::{IntoDatum, direct_function_call, pg_sys};

/// Takes the mutex alone, if nobody has it.
pub(crate) fn try_alone(environment_id: &str) -> bool {
    // SAFETY: takes a bigint, and returns whether it has the lock.
    let locked: Option<bool> = unsafe {
        direct_function_call(
            pg_sys::pg_try_advisory_xact_lock_int8,
            &[key(&[environment_id]).into_datum()],
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
            &[key(&[environment_id]).into_datum()],
        )
    };
    locked.unwrap_or(false)
}

/// Takes a lane, if nobody has it.
pub(crate) fn try_lane(environment_id: &str, queue: &str, concurrency_key: &str) -> bool {
    // SAFETY: takes a bigint, and returns whether it has the lock.
    let locked: Option<bool> = unsafe {
        direct_function_call(
            pg_sys::pg_try_advisory_xact_lock_int8,
            &[key(&[environment_id, queue, concurrency_key]).into_datum()],
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
            &[key(&[environment_id]).into_datum()],
        )
    };
}

/// A key by its parts: FNV-1a, the same in every process and every version of the library. That two share a key costs them
/// speed only.
fn key(parts: &[&str]) -> i64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        // No part has this byte: the parts cannot run into each other.
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash as i64
}
