//! Points at which a session dies, for tests: before each statement and each row that a call writes, before its commit and
//! after it.
//!
//! Only builds with the feature `crash` have them: those that tests run, never a release. With `set crash.at = '3 a'` the session
//! aborts at the third point from there on, and names it in the server's log; another second word begins a new count.

#[cfg(feature = "crash")]
pub(super) use self::armed::pass as point;

/// Does nothing: this build has no points.
#[cfg(not(feature = "crash"))]
pub(super) const fn point(_name: &str) {}

#[cfg(feature = "crash")]
mod armed {
    #![allow(unsafe_code)]

    use std::cell::{Cell, RefCell};
    use std::ffi::{CStr, c_void};
    use std::ptr;

    use pgrx::{pg_guard, pg_sys};

    thread_local! {
        /// The order that is followed, and how many points were passed since it came.
        static PASSED: RefCell<(String, u32)> = const { RefCell::new((String::new(), 0)) };
        /// The function that passed the last point: at its commit its text is gone.
        static CALL: RefCell<String> = const { RefCell::new(String::new()) };
        static IS_REGISTERED: Cell<bool> = const { Cell::new(false) };
    }

    /// Aborts if this is the point that was asked for.
    pub(in crate::backend) fn pass(name: &str) {
        let Some(order) = order() else { return };
        if let Some(call) = call() {
            CALL.set(call);
        }
        if !IS_REGISTERED.replace(true) {
            // SAFETY: a function pointer of this process, which stays valid.
            unsafe { pg_sys::RegisterXactCallback(Some(transaction_ends), ptr::null_mut()) };
        }
        let number = PASSED.with_borrow_mut(|(of, passed)| {
            if *of != order {
                *of = order.clone();
                *passed = 0;
            }
            *passed += 1;
            *passed
        });
        let wanted = order.split(' ').next().and_then(|word| word.parse().ok());
        if wanted == Some(number) {
            eprintln!("crash: {} {name}", CALL.take());
            std::process::abort();
        }
    }

    /// The value of the setting, if it has one.
    fn order() -> Option<String> {
        // SAFETY: the name is a C string; the result is one as well, or null where the setting does not exist.
        let value = unsafe { pg_sys::GetConfigOption(c"crash.at".as_ptr(), true, false) };
        text(value).filter(|order| !order.is_empty())
    }

    /// The name of the function that the session's statement calls.
    fn call() -> Option<String> {
        // SAFETY: a plain pointer of this process.
        let statement = text(unsafe { pg_sys::debug_query_string })?;
        let name = &statement[statement.find("engine_")?..];
        let end =
            name.find(|character: char| !(character.is_ascii_lowercase() || character == '_'));
        Some(name[..end.unwrap_or(name.len())].to_owned())
    }

    fn text(value: *const std::ffi::c_char) -> Option<String> {
        if value.is_null() {
            return None;
        }
        // SAFETY: a C string of Postgres, which nothing changes meanwhile.
        let value = unsafe { CStr::from_ptr(value) };
        Some(value.to_string_lossy().into_owned())
    }

    #[pg_guard]
    unsafe extern "C-unwind" fn transaction_ends(
        event: pg_sys::XactEvent::Type,
        _argument: *mut c_void,
    ) {
        match event {
            pg_sys::XactEvent::XACT_EVENT_PRE_COMMIT => pass("before its commit"),
            pg_sys::XactEvent::XACT_EVENT_COMMIT => pass("after its commit"),
            _ => {}
        }
    }
}
