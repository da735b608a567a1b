//! The caller of a function, and the role that the function acts as.
//!
//! Functions act as their owner, so that callers need no right on any table. They are not SECURITY DEFINER, though: Postgres
//! would remember the caller where no function finds it, and the session's role, which is found, is another one within a
//! function of an application that is SECURITY DEFINER itself. So each has an entry that does what Postgres does for those, and
//! first records the caller: `current_user` where the function is called.
//!
//! An error jumps over the frame of an entry, which therefore holds nothing that must be dropped; the end of the transaction, or
//! of its subtransaction, restores the caller.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{CStr, c_int};

use engine_core::Capabilities;
use pgrx::pg_sys;

/// A call that is under way.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub(crate) routine: &'static str,
    /// Its caller needs one of these.
    pub(crate) capabilities: Capabilities,
    pub(crate) role: pg_sys::Oid,
    /// The role that it acts as.
    pub(crate) owner: pg_sys::Oid,
    /// Whether it may write.
    pub(crate) writes: bool,
    /// As Postgres has made it; null in a procedure.
    pub(crate) info: pg_sys::FunctionCallInfo,
}

thread_local! {
    static CALL: Cell<Option<Call>> = const { Cell::new(None) };
}

/// The call that is under way; `None` in one that an older release's catalog makes.
pub(crate) fn call() -> Option<Call> {
    CALL.get()
}

/// The name of the caller's role; empty in a call that an older release's catalog makes.
pub(crate) fn role_name() -> String {
    call().map(Call::role_name).unwrap_or_default()
}

/// Records a call.
pub(crate) fn note(call: Option<Call>) {
    CALL.set(call);
}

/// Records that the call that is under way may write.
pub(crate) fn note_writing() {
    CALL.set(CALL.get().map(|call| Call {
        writes: true,
        ..call
    }));
}

impl Call {
    /// Whether the caller has the rights of the owner, as every superuser has.
    pub(crate) fn is_by_owner(self) -> bool {
        // SAFETY: reads the catalog's cache.
        unsafe { pg_sys::has_privs_of_role(self.role, self.owner) }
    }

    /// The name of the caller's role.
    pub(crate) fn role_name(self) -> String {
        // SAFETY: returns a C string, or null for a role that was dropped.
        unsafe {
            let name = pg_sys::GetUserNameFromId(self.role, true);
            if name.is_null() {
                return self.role.to_string();
            }
            CStr::from_ptr(name).to_string_lossy().into_owned()
        }
    }
}

/// A function as Postgres calls it.
pub(crate) type Function = unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum;

// Postgres's own, not those that pgrx wraps: an error jumps from them to the caller of the entry.
unsafe extern "C-unwind" {
    fn GetUserIdAndSecContext(user: *mut pg_sys::Oid, context: *mut c_int);
    fn SetUserIdAndSecContext(user: pg_sys::Oid, context: c_int);
    fn SearchSysCache1(cache: c_int, key: pg_sys::Datum) -> pg_sys::HeapTuple;
    fn ReleaseSysCache(tuple: pg_sys::HeapTuple);
}

/// Calls a function as its owner.
///
/// # Safety
/// Postgres has made the call of this function.
pub(crate) unsafe fn call_as_owner(
    routine: &'static str,
    capabilities: Capabilities,
    function: Function,
    info: pg_sys::FunctionCallInfo,
) -> pg_sys::Datum {
    let (mut role, mut context) = (pg_sys::Oid::INVALID, 0);
    // SAFETY: Postgres describes the call there. The role is restored below, or by the abort that follows an error.
    unsafe {
        GetUserIdAndSecContext(&mut role, &mut context);
        let owner = owner((*(*info).flinfo).fn_oid, role);
        let before = CALL.replace(Some(Call {
            routine,
            capabilities,
            role,
            owner,
            writes: false,
            info,
        }));
        let inside = context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as c_int;
        SetUserIdAndSecContext(owner, inside);
        let answer = function(info);
        SetUserIdAndSecContext(role, context);
        CALL.set(before);
        answer
    }
}

/// The owner of a function; the caller, if it has been dropped.
unsafe fn owner(function: pg_sys::Oid, caller: pg_sys::Oid) -> pg_sys::Oid {
    let cache = pg_sys::SysCacheIdentifier::PROCOID as c_int;
    // SAFETY: a row of the catalog is read and released.
    unsafe {
        let row = SearchSysCache1(cache, pg_sys::Datum::from(function));
        if row.is_null() {
            return caller;
        }
        let owner = (*pg_sys::GETSTRUCT(row).cast::<pg_sys::FormData_pg_proc>()).proowner;
        ReleaseSysCache(row);
        owner
    }
}

/// Declares the entries of functions, the symbols that `sql/function` names: `engine_x_call` for the function `engine_x`, or for
/// the one behind the colon if its parameters have changed since a release.
macro_rules! entries {
    ($($routine:ident $(: $function:ident)?),+ $(,)?) => {$(
        $crate::backend::caller::entries!(@one $routine, $($function,)? $routine);
    )+};
    (@one $routine:ident, $function:ident $(, $same:ident)?) => {
        #[allow(unsafe_code)]
        const _: () = {
            use $crate::backend::caller::{Function, call_as_owner};

            unsafe extern "C-unwind" {
                #[link_name = concat!(stringify!($function), "_wrapper")]
                fn function(info: pgrx::pg_sys::FunctionCallInfo) -> pgrx::pg_sys::Datum;
            }

            #[unsafe(export_name = concat!(stringify!($function), "_call"))]
            unsafe extern "C-unwind" fn entry(info: pgrx::pg_sys::FunctionCallInfo) -> pgrx::pg_sys::Datum {
                const NEEDED: engine_core::Capabilities =
                    engine_core::Capabilities::of(stringify!($routine));
                // SAFETY: Postgres calls this, as SQL declares it.
                unsafe { call_as_owner(stringify!($routine), NEEDED, function as Function, info) }
            }

            #[unsafe(export_name = concat!("pg_finfo_", stringify!($function), "_call"))]
            extern "C-unwind" fn describe() -> &'static pgrx::pg_sys::Pg_finfo_record {
                const VERSION: pgrx::pg_sys::Pg_finfo_record =
                    pgrx::pg_sys::Pg_finfo_record { api_version: 1 };
                &VERSION
            }
        };
    };
}
pub(crate) use entries;
