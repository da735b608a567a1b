//! A text of rows that are there, found by their primary key (shard, id).

use std::ffi::{CString, c_int};
use std::ptr;

use engine_core::Shard;
use pgrx::{FromDatum, IntoDatum, pg_sys};

use super::found_row::key;
use crate::backend::cache;

const LOCK: c_int = pg_sys::AccessShareLock as c_int;

/// A look into a table, as a statement that reads would have it.
pub(super) struct Reader {
    relation: pg_sys::Relation,
    index: pg_sys::Relation,
    snapshot: pg_sys::Snapshot,
    scan: pg_sys::IndexScanDesc,
    row: *mut pg_sys::TupleTableSlot,
    keys: [pg_sys::ScanKeyData; 2],
    /// The column that is read, from zero.
    column: usize,
}

impl Reader {
    pub(super) fn begin(table: &str, column: &str) -> Self {
        let (Ok(name), Ok(column)) = (CString::new(table), CString::new(column)) else {
            unreachable!("a name has no NUL")
        };
        // SAFETY: a table of the extension, which `version::check` has found, and whose primary key the compiler has seen; `end`
        // closes what is opened here, and an error the transaction.
        unsafe {
            let relation = pg_sys::table_open(cache::oid(&name), LOCK);
            if !(*relation).rd_indexvalid {
                pg_sys::list_free(pg_sys::RelationGetIndexList(relation));
            }
            let index = pg_sys::index_open((*relation).rd_pkindex, LOCK);
            let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetTransactionSnapshot());
            let scan = pg_sys::index_beginscan(
                relation,
                index,
                snapshot,
                #[cfg(feature = "pg18")]
                ptr::null_mut(),
                2,
                0,
            );
            Self {
                keys: [
                    key(1, pg_sys::F_INT2EQ, None),
                    key(2, pg_sys::F_TEXTEQ, None),
                ],
                row: pg_sys::table_slot_create(relation, ptr::null_mut()),
                column: pg_sys::get_attnum((*relation).rd_id, column.as_ptr()) as usize - 1,
                relation,
                index,
                snapshot,
                scan,
            }
        }
    }

    /// The text of a row, if there is one.
    pub(super) fn read(&mut self, shard: Shard, id: &str) -> Option<String> {
        self.keys[0].sk_argument = shard.number().into_datum()?;
        self.keys[1].sk_argument = id.into_datum()?;
        // SAFETY: the keys are those of the index; the scan copies them. The text is copied while its row is held.
        unsafe {
            let count = self.keys.len() as c_int;
            pg_sys::index_rescan(self.scan, self.keys.as_mut_ptr(), count, ptr::null_mut(), 0);
            let forward = pg_sys::ScanDirection::ForwardScanDirection;
            if !pg_sys::index_getnext_slot(self.scan, forward, self.row) {
                return None;
            }
            pg_sys::slot_getsomeattrs_int(self.row, self.column as c_int + 1);
            String::from_datum(*(*self.row).tts_values.add(self.column), false)
        }
    }

    /// Ends; the locks stay until the transaction does.
    pub(super) fn end(self) {
        // SAFETY: what `begin` has opened.
        unsafe {
            pg_sys::ExecDropSingleTupleTableSlot(self.row);
            pg_sys::index_endscan(self.scan);
            pg_sys::UnregisterSnapshot(self.snapshot);
            pg_sys::index_close(self.index, pg_sys::NoLock as c_int);
            pg_sys::table_close(self.relation, pg_sys::NoLock as c_int);
        }
    }
}
