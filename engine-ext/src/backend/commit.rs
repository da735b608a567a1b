//! Commits that do not wait for the disk.
//!
//! A transaction that writes only what may be lost need not wait for its WAL to be flushed, as with `synchronous_commit = off`.
//! A function cannot know what else its transaction writes. So what it has written is compared at the commit: if the
//! transaction's last WAL record is still the one that it wrote, and there was none before, nothing else was written.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr;

use pgrx::{pg_guard, pg_sys};

thread_local! {
    static STATE: Cell<State> = const { Cell::new(State::Unused) };
}

#[derive(Clone, Copy)]
enum State {
    /// No transaction of this process has asked for it.
    Unused,
    Waiting,
    /// The end of all that this transaction has written so far, and may lose.
    Written(pg_sys::XLogRecPtr),
    /// The commit has begun; the value of the setting before.
    Committing(c_int),
}

/// Runs `write`. If nothing else is written in this transaction, its commit does not wait for the disk.
pub(crate) fn without_flush<T>(write: impl FnOnce() -> T) -> T {
    let is_only = match STATE.get() {
        State::Written(end) => end == last_written(),
        State::Unused | State::Waiting | State::Committing(_) => last_written() == 0,
    };
    let result = write();
    if matches!(STATE.get(), State::Unused) {
        // SAFETY: a function pointer of this process, which stays valid.
        unsafe { pg_sys::RegisterXactCallback(Some(transaction_ends), ptr::null_mut()) };
    }
    STATE.set(if is_only {
        State::Written(last_written())
    } else {
        State::Waiting
    });
    result
}

/// The end of the last WAL record that this transaction has written; 0 for none.
fn last_written() -> pg_sys::XLogRecPtr {
    // SAFETY: a plain value of this process.
    unsafe { pg_sys::XactLastRecEnd }
}

#[pg_guard]
unsafe extern "C-unwind" fn transaction_ends(
    event: pg_sys::XactEvent::Type,
    _argument: *mut c_void,
) {
    let state = match (STATE.get(), event) {
        (State::Written(end), pg_sys::XactEvent::XACT_EVENT_PRE_COMMIT) => {
            if end != last_written() {
                return STATE.set(State::Waiting);
            }
            // SAFETY: the variable of a setting, put back below. The commit reads it once.
            State::Committing(unsafe {
                ptr::replace(
                    &raw mut pg_sys::synchronous_commit,
                    pg_sys::SyncCommitLevel::SYNCHRONOUS_COMMIT_OFF as c_int,
                )
            })
        }
        (State::Committing(before), _) => {
            // SAFETY: as above.
            unsafe { pg_sys::synchronous_commit = before };
            State::Waiting
        }
        (State::Unused, _) => State::Unused,
        (State::Waiting | State::Written(_), _) => State::Waiting,
    };
    STATE.set(state);
}
