//! Transaction control, which only procedures have: ending the transaction of the call, and continuing in another one. In
//! between the procedure has no snapshot and no lock.
//!
//! Postgres forbids that to a procedure that is SECURITY DEFINER or sets its search path. So this does both itself, while it
//! reads tables, in the way that Postgres calls such functions.

#![allow(unsafe_code)]

use std::ffi::c_int;

use engine_core::{Capabilities, Refusal};
use pgrx::pg_sys;

use super::caller::{self, Call};

/// A procedure under way. An error leaves nothing of it to clean up.
pub(crate) struct Procedure {
    oid: pg_sys::Oid,
    routine: &'static str,
}

impl Procedure {
    /// Begins the procedure of this call.
    ///
    /// # Errors
    /// [`Refusal::InTransaction`] (`25001`) inside a transaction that it must not end.
    pub(crate) fn begin(
        routine: &'static str,
        call: pg_sys::FunctionCallInfo,
    ) -> Result<Self, Refusal> {
        if !may_end_transactions(call) {
            return Err(Refusal::InTransaction);
        }
        // SAFETY: ended by `end`, or by whatever an error ends.
        let code = unsafe { pg_sys::SPI_connect_ext(pg_sys::SPI_OPT_NONATOMIC as c_int) };
        assert!(code >= 0, "SPI_connect_ext returned {code}");
        // SAFETY: Postgres fills in what is called.
        let oid = unsafe { (*(*call).flinfo).fn_oid };
        Ok(Self { oid, routine })
    }

    /// Reads and writes tables as the owner of the procedure; `None` if the procedure was dropped.
    pub(crate) fn as_owner<T>(&self, act: impl FnOnce() -> T) -> Option<T> {
        let owner = self.owner()?;
        let (mut user, mut context) = (pg_sys::Oid::INVALID, 0);
        // SAFETY: in a transaction of this procedure, which has no snapshot after the first one. Everything that is pushed
        // and set here is restored below, or by the abort of the transaction.
        let level = unsafe {
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
            pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
            let level = pg_sys::NewGUCNestLevel();
            let inside = context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as c_int;
            pg_sys::SetUserIdAndSecContext(owner, inside);
            pg_sys::set_config_option(
                c"search_path".as_ptr(),
                c"pg_catalog, pg_temp".as_ptr(),
                pg_sys::GucContext::PGC_USERSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
            level
        };
        caller::note(Some(Call {
            routine: self.routine,
            capabilities: Capabilities::of(self.routine),
            role: user,
            owner,
            writes: false,
            info: std::ptr::null_mut(),
        }));
        let result = act();
        // SAFETY: in the opposite order.
        unsafe {
            pg_sys::AtEOXact_GUC(true, level);
            pg_sys::SetUserIdAndSecContext(user, context);
            pg_sys::PopActiveSnapshot();
        }
        Some(result)
    }

    /// Commits, and begins a transaction that holds nothing.
    pub(crate) fn commit(&self) {
        // SAFETY: the connection is one that may; nothing is left of what was read.
        unsafe { pg_sys::SPI_commit() };
    }

    /// Rolls back, and begins a transaction that holds nothing.
    pub(crate) fn roll_back(&self) {
        // SAFETY: as above.
        unsafe { pg_sys::SPI_rollback() };
    }

    /// Ends the procedure.
    pub(crate) fn end(self) {
        // SAFETY: the connection that `begin` made.
        let code = unsafe { pg_sys::SPI_finish() };
        assert!(code >= 0, "SPI_finish returned {code}");
    }

    fn owner(&self) -> Option<pg_sys::Oid> {
        let key = pg_sys::Datum::from(self.oid);
        let cache = pg_sys::SysCacheIdentifier::PROCOID as c_int;
        // SAFETY: a row of the catalog is read and released, in its present version: the transaction began before a sleep.
        unsafe {
            pg_sys::AcceptInvalidationMessages();
            let row = pg_sys::SearchSysCache1(cache, key);
            if row.is_null() {
                return None;
            }
            let owner = (*pg_sys::GETSTRUCT(row).cast::<pg_sys::FormData_pg_proc>()).proowner;
            pg_sys::ReleaseSysCache(row);
            Some(owner)
        }
    }
}

/// Whether the transaction exists for this call alone, or belongs to a procedure that may end it.
fn may_end_transactions(call: pg_sys::FunctionCallInfo) -> bool {
    // SAFETY: Postgres describes there how a procedure is called.
    let is_atomic = unsafe {
        let context = (*call).context;
        context.is_null()
            || (*context).type_ != pg_sys::NodeTag::T_CallContext
            || (*context.cast::<pg_sys::CallContext>()).atomic
    };
    // SAFETY: reads the state of this process.
    !is_atomic && !unsafe { pg_sys::IsSubTransaction() }
}
