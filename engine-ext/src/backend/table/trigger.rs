//! The triggers of a table that rows are appended to. The engine's tables have none; what people add for themselves, to audit or to
//! test, runs as at an INSERT.

use std::ptr;

use pgrx::pg_sys;

pub(super) struct Triggers {
    info: *mut pg_sys::ResultRelInfo,
    estate: *mut pg_sys::EState,
    /// The new rows, for triggers that name them.
    captured: *mut pg_sys::TransitionCaptureState,
}

impl Triggers {
    /// The triggers of this table, if it has any; those before the statement run.
    ///
    /// # Safety
    /// Both live until [`Self::finish`].
    pub(super) unsafe fn begin(
        info: *mut pg_sys::ResultRelInfo,
        estate: *mut pg_sys::EState,
    ) -> Option<Self> {
        // SAFETY: the caller's; the calls are those of COPY, in its order.
        unsafe {
            let described = (*info).ri_TrigDesc;
            if described.is_null() {
                return None;
            }
            let table = (*(*info).ri_RelationDesc).rd_id;
            let insert = pg_sys::CmdType::CMD_INSERT;
            pg_sys::AfterTriggerBeginQuery();
            let captured = pg_sys::MakeTransitionCaptureState(described, table, insert);
            pg_sys::ExecBSInsertTriggers(estate, info);
            Some(Self {
                info,
                estate,
                captured,
            })
        }
    }

    /// Runs those before a row, which may change it; false if one of them wants it left out.
    ///
    /// # Safety
    /// The row is of this table.
    pub(super) unsafe fn before(&self, row: *mut pg_sys::TupleTableSlot) -> bool {
        // SAFETY: the caller's.
        unsafe {
            let described = &*(*self.info).ri_TrigDesc;
            !described.trig_insert_before_row
                || pg_sys::ExecBRInsertTriggers(self.estate, self.info, row)
        }
    }

    /// Queues those after a row.
    ///
    /// # Safety
    /// The row is of this table, and written.
    pub(super) unsafe fn after(&self, row: *mut pg_sys::TupleTableSlot) {
        // SAFETY: the caller's.
        unsafe {
            let none = ptr::null_mut();
            pg_sys::ExecARInsertTriggers(self.estate, self.info, row, none, self.captured);
        }
    }

    /// Runs those that are queued, and those after the statement.
    pub(super) fn finish(self) {
        // SAFETY: ends what `begin` began.
        unsafe {
            pg_sys::ExecASInsertTriggers(self.estate, self.info, self.captured);
            pg_sys::AfterTriggerEndQuery(self.estate);
        }
    }
}
