//! From a refusal to an error of Postgres. pgrx knows a closed list of SQLSTATEs; ours go through `ThrowErrorData`.

use std::ffi::CString;

use engine_core::Refusal;
use pgrx::{PgLogLevel, pg_sys};

/// Ends the call with the error that a refusal is.
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

/// A value that the caller must give.
///
/// # Errors
/// [`Refusal::MissingValue`] (`22004`) for NULL.
pub(crate) fn required<T>(parameter: &'static str, value: Option<T>) -> Result<T, Refusal> {
    value.ok_or(Refusal::MissingValue { parameter })
}

#[allow(unsafe_code)]
fn raise(refusal: &Refusal) -> ! {
    let message = text(refusal.message());
    let detail = text(refusal.detail());
    let hint = text(refusal.hint());
    let mut error = pg_sys::ErrorData {
        elevel: PgLogLevel::ERROR as i32,
        sqlerrcode: encode(refusal.sqlstate()),
        message: message.as_ptr().cast_mut(),
        detail: detail.as_ptr().cast_mut(),
        hint: hint.as_ptr().cast_mut(),
        ..Default::default()
    };
    // SAFETY: every pointer is null or a C string that outlives the call, which copies them before it throws.
    unsafe { pg_sys::ThrowErrorData(&mut error) };
    unreachable!("ThrowErrorData returns only below ERROR")
}

/// A C string; a caller's text never holds NUL, which Postgres' text cannot.
fn text(text: String) -> CString {
    CString::new(text.replace('\0', "")).unwrap_or_default()
}

/// Five characters in six bits each, as `MAKE_SQLSTATE` does.
fn encode(sqlstate: &str) -> i32 {
    sqlstate.bytes().rev().fold(0, |code, byte| {
        (code << 6) | (i32::from(byte.wrapping_sub(b'0')) & 0x3f)
    })
}
