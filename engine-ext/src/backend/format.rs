//! How values become text in our statements: the same in every session. Callers' settings, for themselves, their role or
//! their database, apply to what they print; the documents that the engine makes and stores do not depend on them.

#![allow(unsafe_code)]

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use pgrx::pg_sys;

/// Every float with the fewest digits that distinguish it from all others.
const SHORTEST: i32 = 1;

/// UTC, by the name that Postgres knows without reading a file. Atomic only because statics must be `Sync`.
static UTC: AtomicPtr<pg_sys::pg_tz> = AtomicPtr::new(ptr::null_mut());

/// While it lives, values are printed and read in one format; then in the session's format again.
pub(crate) struct OneFormat {
    extra_float_digits: i32,
    time_zone: *mut pg_sys::pg_tz,
    date_style: i32,
    date_order: i32,
    interval_style: i32,
}

impl OneFormat {
    pub(crate) fn set() -> Self {
        let utc = utc();
        // SAFETY: plain variables of this process, which hold the values of these settings. No statement of ours changes a
        // setting, so the restored values are still in force.
        unsafe {
            let callers = Self {
                extra_float_digits: pg_sys::extra_float_digits,
                time_zone: pg_sys::session_timezone,
                date_style: pg_sys::DateStyle,
                date_order: pg_sys::DateOrder,
                interval_style: pg_sys::IntervalStyle,
            };
            pg_sys::extra_float_digits = SHORTEST;
            pg_sys::session_timezone = utc;
            pg_sys::DateStyle = pg_sys::USE_ISO_DATES as i32;
            pg_sys::DateOrder = pg_sys::DATEORDER_MDY as i32;
            pg_sys::IntervalStyle = pg_sys::INTSTYLE_POSTGRES as i32;
            callers
        }
    }
}

impl Drop for OneFormat {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe {
            pg_sys::extra_float_digits = self.extra_float_digits;
            pg_sys::session_timezone = self.time_zone;
            pg_sys::DateStyle = self.date_style;
            pg_sys::DateOrder = self.date_order;
            pg_sys::IntervalStyle = self.interval_style;
        }
    }
}

fn utc() -> *mut pg_sys::pg_tz {
    let kept = UTC.load(Ordering::Relaxed);
    if !kept.is_null() {
        return kept;
    }
    // SAFETY: a literal. The returned zone stays valid.
    let utc = unsafe { pg_sys::pg_tzset(c"GMT".as_ptr()) };
    assert!(!utc.is_null(), "Postgres knows GMT");
    UTC.store(utc, Ordering::Relaxed);
    utc
}
