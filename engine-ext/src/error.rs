//! Converts a refusal into an error of Postgres.
//!
//! pgrx reports errors through a closed list of SQLSTATEs and turns any other into XX000. So the report has a code of that
//! list, and an error context callback, which Postgres calls while it finishes the report, replaces it with ours.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::ptr;

use engine_core::Refusal;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode, pg_sys};

/// Ends the call with a refusal's error.
pub(crate) trait OrRaise<T> {
    /// The value, or the error.
    fn or_raise(self) -> T;
}

impl<T> OrRaise<T> for Result<T, Refusal> {
    fn or_raise(self) -> T {
        match self {
            Ok(value) => value,
            Err(refusal) => raise(&refusal),
        }
    }
}

/// Keeps Rust's backtraces out of the errors that clients see: pgrx adds one to the detail of every error that passes
/// through, if the server's environment requests them.
pub(crate) fn hide_backtraces() {
    // SAFETY: the library is loaded before the process has any other thread.
    unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "0") };
}

/// A required value.
///
/// # Errors
/// [`Refusal::MissingValue`] (`22004`) for NULL.
pub(crate) fn required<T>(parameter: &'static str, value: Option<T>) -> Result<T, Refusal> {
    value.ok_or(Refusal::MissingValue { parameter })
}

/// The callback of the error that is under way; a process has one at a time.
struct Callback(UnsafeCell<pg_sys::ErrorContextCallback>);

// SAFETY: a backend is one thread.
unsafe impl Sync for Callback {}

static CALLBACK: Callback = Callback(UnsafeCell::new(pg_sys::ErrorContextCallback {
    previous: ptr::null_mut(),
    callback: Some(set_sqlstate),
    arg: ptr::null_mut(),
}));

fn raise(refusal: &Refusal) -> ! {
    // SAFETY: the static outlives the report. A handler that catches the error restores the stack to its state before the
    // call.
    unsafe {
        let callback = CALLBACK.0.get();
        (*callback).previous = pg_sys::error_context_stack;
        (*callback).arg = encode(refusal.sqlstate()) as usize as *mut c_void;
        pg_sys::error_context_stack = callback;
    }
    ErrorReport::new(
        PgSqlErrorCode::ERRCODE_RAISE_EXCEPTION,
        refusal.message(),
        "",
    )
    .set_detail(refusal.detail())
    .set_hint(refusal.hint())
    .report(PgLogLevel::ERROR);
    unreachable!("a report returns only below ERROR")
}

/// Replaces the code of the error that is being finished with ours.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn set_sqlstate(code: *mut c_void) {
    unsafe extern "C-unwind" {
        fn errcode(sqlerrcode: c_int) -> c_int;
    }
    // SAFETY: Postgres calls this while an error is under way, which is when errcode may be called.
    unsafe { errcode(code as usize as c_int) };
}

/// Five characters in six bits each, as `MAKE_SQLSTATE` does.
fn encode(sqlstate: &str) -> i32 {
    sqlstate.bytes().rev().fold(0, |code, byte| {
        (code << 6) | (i32::from(byte.wrapping_sub(b'0')) & 0x3f)
    })
}
