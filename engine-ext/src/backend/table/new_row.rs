//! New rows: they are gathered, then written together.

use std::ffi::c_int;
use std::ptr;

use pgrx::pg_sys;

use super::Cell;
use super::relation::{Column, Relation, fill};
use super::trigger::Triggers;

pub(super) struct NewRows {
    relation: Relation,
    columns: Vec<Column>,
    rows: Vec<*mut pg_sys::TupleTableSlot>,
}

impl NewRows {
    pub(super) fn of(table: &str, columns: &[&str]) -> Self {
        let relation = Relation::open(table);
        Self {
            columns: relation.columns(columns),
            relation,
            rows: Vec::new(),
        }
    }

    /// Adds a row: a value for each column.
    pub(super) fn add(&mut self, cells: impl Iterator<Item = Cell>) {
        // SAFETY: `write` drops it; the values live as long as the call.
        unsafe {
            let row = self.relation.row();
            let count = (*(*self.relation.relation).rd_att).natts as usize;
            std::slice::from_raw_parts_mut((*row).tts_isnull, count).fill(true);
            fill(row, &mut self.columns, cells);
            pg_sys::ExecStoreVirtualTuple(row);
            self.rows.push(row);
        }
    }

    /// Writes the rows, and their index entries.
    pub(super) fn write(mut self) {
        // SAFETY: what the executor does for an INSERT, with rows that fit the table. An error aborts the transaction, which
        // releases whatever is held here.
        unsafe {
            pg_sys::PreventCommandIfReadOnly(c"INSERT".as_ptr());
            let estate = pg_sys::CreateExecutorState();
            let info = self.relation.result_relation(estate);
            let triggers = Triggers::begin(info, estate);
            if let Some(triggers) = &triggers {
                self.rows.retain(|row| {
                    let stays = triggers.before(*row);
                    if !stays {
                        pg_sys::ExecDropSingleTupleTableSlot(*row);
                    }
                    stays
                });
            }
            let relation = self.relation.relation;
            for row in &self.rows {
                (**row).tts_tableOid = (*relation).rd_id;
                pg_sys::ExecConstraints(info, *row, estate);
            }
            let command = pg_sys::GetCurrentCommandId(true);
            let (rows, count) = (self.rows.as_mut_ptr(), self.rows.len() as c_int);
            pg_sys::heap_multi_insert(relation, rows, count, command, 0, ptr::null_mut());
            for row in &self.rows {
                insert_index_tuples(info, *row, estate);
                if let Some(triggers) = &triggers {
                    triggers.after(*row);
                }
                pg_sys::ExecDropSingleTupleTableSlot(*row);
            }
            if let Some(triggers) = triggers {
                triggers.finish();
            }
            pg_sys::ExecCloseResultRelations(estate);
            pg_sys::FreeExecutorState(estate);
            self.relation.close();
            pg_sys::CommandCounterIncrement();
        }
    }
}

/// # Safety
/// As for the function of Postgres, whose parameters differ from major to major.
unsafe fn insert_index_tuples(
    info: *mut pg_sys::ResultRelInfo,
    row: *mut pg_sys::TupleTableSlot,
    estate: *mut pg_sys::EState,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        pg_sys::ExecInsertIndexTuples(
            info,
            row,
            estate,
            false,
            false,
            ptr::null_mut(),
            ptr::null_mut(),
            #[cfg(not(any(feature = "pg14", feature = "pg15")))]
            false,
        );
    }
}
