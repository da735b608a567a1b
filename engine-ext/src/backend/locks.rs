//! The mutex of an environment, and the lanes of one. Who claims where the environment itself has a limit holds the mutex alone,
//! since then every slot counts. All other claimers share it; where a queue has a limit they take the lanes that they take slots
//! of, each for itself. Both last until the transaction ends: the next holder sees everything that this one wrote.
//!
//! The mutex comes before every other lock, and lanes before runs. Nobody waits for it. Who sets an environment does not take it:
//! claims go by what is committed. Only the tick takes it alone for a moment, to know that all who claimed by other settings have
//! ended. It keeps new claims off meanwhile, for less time than a claim is patient.
//!
//! Those who set an environment come one after the other: they wait for each other, a bounded time, and hold nothing meanwhile.
//!
//! They are locks of a kind that Postgres itself never takes, and that no function of SQL can take.

#![allow(unsafe_code)]

use pgrx::pg_sys;

use super::latch;

/// How often the tick looks while it keeps new claims off, a millisecond apart.
const LOOKS: i32 = 8;

const ALONE: i32 = pg_sys::ExclusiveLock as i32;
const SHARED: i32 = pg_sys::ShareLock as i32;

/// What is locked: the last field of the lock's tag, where the functions of SQL have 1 or 2.
#[derive(Clone, Copy)]
enum Kind {
    Mutex = 0x4501,
    /// Held alone by who wants the mutex alone and keeps claims off it.
    Gate = 0x4502,
    Lane = 0x4503,
    /// Held alone, and by its session, by who calls the tick.
    Lead = 0x4504,
    /// Held by who sets the environment.
    Setting = 0x4505,
}

/// Takes the mutex alone, if nobody has it.
pub(crate) fn try_alone(environment_id: &str) -> bool {
    is_open(environment_id) && take(&tag(Kind::Mutex, &[environment_id]), ALONE)
}

/// Shares the mutex, if nobody has it alone.
pub(crate) fn try_shared(environment_id: &str) -> bool {
    is_open(environment_id) && take(&tag(Kind::Mutex, &[environment_id]), SHARED)
}

/// Takes a lane, if nobody has it.
pub(crate) fn try_lane(environment_id: &str, queue: &str, concurrency_key: &str) -> bool {
    let tag = tag(Kind::Lane, &[environment_id, queue, concurrency_key]);
    take(&tag, ALONE)
}

/// Has this session lead among those that call the tick, if no other one does, until it ends; tells whether it leads.
pub(crate) fn lead() -> bool {
    let tag = tag(Kind::Lead, &[]);
    // SAFETY: the tag lives longer than the call, which does not wait.
    match unsafe { pg_sys::LockAcquire(&tag, ALONE, true, true) } {
        pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL => false,
        pg_sys::LockAcquireResult::LOCKACQUIRE_OK => true,
        _ => {
            // It has it once, however often it asks.
            // SAFETY: as above; the session has just taken the lock.
            unsafe { pg_sys::LockRelease(&tag, ALONE, true) };
            true
        }
    }
}

/// Takes the mutex alone, if that can be had within a moment in which new claims are kept off.
pub(crate) fn take_alone_soon(environment_id: &str) -> bool {
    let gate = tag(Kind::Gate, &[environment_id]);
    // Somebody else who wants it keeps claims off, too: one after the other.
    let is_held = take(&gate, ALONE);
    if is_held {
        let is_alone = take_soon(&tag(Kind::Mutex, &[environment_id]));
        give_back(&gate, ALONE);
        return is_alone;
    }
    false
}

/// Takes an environment for setting it, if nobody else does.
pub(crate) fn try_setting(environment_id: &str) -> bool {
    take(&tag(Kind::Setting, &[environment_id]), ALONE)
}

/// Takes a lock alone within a moment.
fn take_soon(tag: &pg_sys::LOCKTAG) -> bool {
    for _ in 0..LOOKS {
        if take(tag, ALONE) {
            return true;
        }
        latch::sleep_ms(1);
    }
    false
}

/// Whether nobody keeps claims off.
fn is_open(environment_id: &str) -> bool {
    let gate = tag(Kind::Gate, &[environment_id]);
    let is_open = take(&gate, SHARED);
    if is_open {
        give_back(&gate, SHARED);
    }
    is_open
}

/// How long to wait at most for what takes `longest_ms` milliseconds: `lock_timeout` if that is less.
pub(crate) fn patience_ms(longest_ms: i64) -> i64 {
    // SAFETY: a plain value of this process.
    match unsafe { pg_sys::LockTimeout } {
        0 => longest_ms,
        ms => longest_ms.min(ms.into()),
    }
}

/// What `pg_locks` shows of the lock of a session that sets the environment: `classid`, `objid` and `objsubid`.
pub(crate) fn setting_lock(environment_id: &str) -> (i64, i64, i32) {
    let tag = tag(Kind::Setting, &[environment_id]);
    let fields = (tag.locktag_field2, tag.locktag_field3, tag.locktag_field4);
    (fields.0.into(), fields.1.into(), fields.2.into())
}

/// Takes a lock until the transaction ends, if it is free.
fn take(tag: &pg_sys::LOCKTAG, mode: i32) -> bool {
    // SAFETY: the tag lives longer than the call, which does not wait.
    let taken = unsafe { pg_sys::LockAcquire(tag, mode, false, true) };
    taken != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL
}

/// Gives back what was taken once.
fn give_back(tag: &pg_sys::LOCKTAG, mode: i32) {
    // SAFETY: the tag lives longer than the call; this transaction has the lock.
    unsafe { pg_sys::LockRelease(tag, mode, false) };
}

fn tag(kind: Kind, parts: &[&str]) -> pg_sys::LOCKTAG {
    let key = key(parts);
    pg_sys::LOCKTAG {
        // SAFETY: an integer of this process.
        locktag_field1: unsafe { pg_sys::MyDatabaseId }.into(),
        locktag_field2: (key >> 32) as u32,
        locktag_field3: key as u32,
        locktag_field4: kind as u16,
        locktag_type: pg_sys::LockTagType::LOCKTAG_ADVISORY as u8,
        locktag_lockmethodid: pg_sys::USER_LOCKMETHOD as u8,
    }
}

/// A key by its parts: FNV-1a, the same in every process and every version of the library. That two share a key costs them
/// speed only.
fn key(parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        // No part has this byte: the parts cannot run into each other.
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}
