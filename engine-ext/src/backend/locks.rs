//! The mutex of an environment, and its lanes. A dequeue holds the mutex exclusively if the environment itself has a limit,
//! since then every slot counts. All other dequeues share it; if a queue has a limit, they hold the lanes from which they
//! take slots exclusively. Both last until the transaction ends: the next holder sees everything that this one wrote.
//!
//! The mutex precedes every other lock, and lanes precede runs. No session waits for it. A session that sets an environment
//! does not take it: dequeues use what is committed. Only the tick takes it exclusively for a moment, to know that all
//! dequeues with earlier settings have ended. It blocks new dequeues meanwhile, for less time than a dequeue keeps trying.
//!
//! Sessions that set one environment do so one after the other: they wait for each other, with a time limit, and hold
//! nothing meanwhile.
//!
//! These locks are of a kind that Postgres itself never takes, and that no SQL function can take.

#![allow(unsafe_code)]

use std::ffi::CStr;

use pgrx::pg_sys;

use super::{cache, latch};

/// How often the tick tries while it blocks new dequeues, a millisecond apart.
const LOOKS: i32 = 8;

const ALONE: i32 = pg_sys::ExclusiveLock as i32;
const SHARED: i32 = pg_sys::ShareLock as i32;

/// Kind of lock: the last field of its tag, which is 1 or 2 for SQL functions.
#[derive(Clone, Copy)]
enum Kind {
    Mutex = 0x4501,
    /// Held exclusively by a session that wants the mutex exclusively and blocks new dequeues.
    Gate = 0x4502,
    Lane = 0x4503,
    /// Held exclusively, by the leading session of those that call the tick.
    Lead = 0x4504,
    /// Held by the session that sets the environment.
    Setting = 0x4505,
    /// Held by the session that removes runs, and shared by those that create readers of events or set policies.
    Sweep = 0x4506,
}

/// Waits until no other session writes to a table of schema `engine`, and keeps them waiting until the transaction ends.
pub(crate) fn alone_among_writers(table: &CStr) {
    // SAFETY: a lock on a table, as LOCK TABLE takes it.
    unsafe { pg_sys::LockRelationOid(cache::oid(table), pg_sys::ShareRowExclusiveLock as i32) };
}

/// Takes the lock of those that care for a table of schema `engine`, as vacuum does, if it is free.
pub(crate) fn try_care(table: &CStr) -> bool {
    // SAFETY: a lock on a table, which the call does not wait for.
    unsafe {
        pg_sys::ConditionalLockRelationOid(
            cache::oid(table),
            pg_sys::ShareUpdateExclusiveLock as i32,
        )
    }
}

/// Gives that lock back.
pub(crate) fn end_care(table: &CStr) {
    // SAFETY: a lock that the transaction has taken.
    unsafe {
        pg_sys::UnlockRelationOid(cache::oid(table), pg_sys::ShareUpdateExclusiveLock as i32)
    };
}

/// Takes the mutex exclusively, if no session holds it.
pub(crate) fn try_alone(environment_id: &str) -> bool {
    is_open(environment_id) && take(&tag(Kind::Mutex, &[environment_id]), ALONE)
}

/// Shares the mutex, if no session holds it exclusively.
pub(crate) fn try_shared(environment_id: &str) -> bool {
    is_open(environment_id) && take(&tag(Kind::Mutex, &[environment_id]), SHARED)
}

/// Takes a lane, if no session holds it.
pub(crate) fn try_lane(environment_id: &str, queue: &str, concurrency_key: &str) -> bool {
    let tag = tag(Kind::Lane, &[environment_id, queue, concurrency_key]);
    take(&tag, ALONE)
}

/// Makes the calling session lead those that call the tick until it ends, if no other one does; returns whether it leads.
pub(crate) fn lead() -> bool {
    let tag = tag(Kind::Lead, &[]);
    // SAFETY: the tag lives longer than the call, which does not wait.
    match unsafe { pg_sys::LockAcquire(&tag, ALONE, true, true) } {
        pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL => false,
        pg_sys::LockAcquireResult::LOCKACQUIRE_OK => true,
        _ => {
            // The session holds it once, however often it asks. SAFETY: as above; the session has just taken the lock.
            unsafe { pg_sys::LockRelease(&tag, ALONE, true) };
            true
        }
    }
}

/// Takes the mutex exclusively, if that succeeds within a moment in which new dequeues are blocked.
pub(crate) fn take_alone_soon(environment_id: &str) -> bool {
    let gate = tag(Kind::Gate, &[environment_id]);
    // Another session that wants it blocks dequeues, too: one after the other.
    let is_held = take(&gate, ALONE);
    if is_held {
        let is_alone = take_soon(&tag(Kind::Mutex, &[environment_id]));
        give_back(&gate, ALONE);
        return is_alone;
    }
    false
}

/// Takes an environment for setting, if no other session holds it.
pub(crate) fn try_setting(environment_id: &str) -> bool {
    take(&tag(Kind::Setting, &[environment_id]), ALONE)
}

/// Allows a removal of runs, if no other session removes any, or creates a reader of events.
pub(crate) fn try_sweep() -> bool {
    take(&tag(Kind::Sweep, &[]), ALONE)
}

/// The same, once no other session does.
pub(crate) fn wait_for_sweep() {
    wait(&tag(Kind::Sweep, &[]), ALONE);
}

/// Keeps runs from being removed.
pub(crate) fn keep_from_sweep() {
    wait(&tag(Kind::Sweep, &[]), SHARED);
}

/// Takes a lock exclusively within a moment.
fn take_soon(tag: &pg_sys::LOCKTAG) -> bool {
    for _ in 0..LOOKS {
        if take(tag, ALONE) {
            return true;
        }
        latch::sleep_ms(1);
    }
    false
}

/// Whether no session blocks dequeues.
fn is_open(environment_id: &str) -> bool {
    let gate = tag(Kind::Gate, &[environment_id]);
    let is_open = take(&gate, SHARED);
    if is_open {
        give_back(&gate, SHARED);
    }
    is_open
}

/// Longest wait for something that takes up to `longest_ms` milliseconds: `lock_timeout` if that is less.
pub(crate) fn patience_ms(longest_ms: i64) -> i64 {
    // SAFETY: a plain value of this process.
    match unsafe { pg_sys::LockTimeout } {
        0 => longest_ms,
        ms => longest_ms.min(ms.into()),
    }
}

/// The setting session's lock in `pg_locks`: `classid`, `objid` and `objsubid`.
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

/// Takes a lock until the transaction ends, when it is free.
fn wait(tag: &pg_sys::LOCKTAG, mode: i32) {
    // SAFETY: the tag lives longer than the call, which ends with an error at a timeout or a cancel.
    unsafe { pg_sys::LockAcquire(tag, mode, false, false) };
}

/// Releases a lock that was taken once.
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

/// A key from its parts: FNV-1a, the same in every process and every version of the library. A shared key costs only speed.
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
