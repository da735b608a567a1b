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

use engine_core::Refusal;
use pgrx::pg_sys;

use super::statement::{Statement, arguments, statement};
use crate::{clock, wakeup};

static HOLDER: Statement = statement!("mutex_holder.sql");

/// How long who sets an environment waits for another one, milliseconds; `lock_timeout` if that is less.
const PATIENCE_MS: i64 = 10_000;
/// How often it looks.
const PAUSE_MS: i64 = 5;
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

/// Takes an environment for setting it, and waits for who does.
///
/// # Errors
/// [`Refusal::EnvironmentHeld`] (`55P03`) if it is not to be had.
pub(crate) fn wait_for_setting(environment_id: &str) -> Result<(), Refusal> {
    let start = clock::now();
    while !try_setting(environment_id) {
        if clock::now().ms_since(start) >= patience_ms() {
            return Err(Refusal::EnvironmentHeld {
                environment_id: environment_id.to_owned(),
                holder: holder(&tag(Kind::Setting, &[environment_id])),
            });
        }
        wakeup::sleep_ms(PAUSE_MS);
    }
    Ok(())
}

/// Takes a lock alone within a moment.
fn take_soon(tag: &pg_sys::LOCKTAG) -> bool {
    for _ in 0..LOOKS {
        if take(tag, ALONE) {
            return true;
        }
        wakeup::sleep_ms(1);
    }
    false
}

fn patience_ms() -> i64 {
    // SAFETY: a plain value of this process.
    match unsafe { pg_sys::LockTimeout } {
        0 => PATIENCE_MS,
        ms => PATIENCE_MS.min(ms.into()),
    }
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

/// Who has a lock: the session that has had a transaction open for longest, as it is told.
fn holder(tag: &pg_sys::LOCKTAG) -> Option<String> {
    let arguments = arguments![
        i64::from(tag.locktag_field2),
        i64::from(tag.locktag_field3),
        i32::from(tag.locktag_field4),
    ];
    HOLDER.query(arguments, |cells| cells.value()).pop()
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
