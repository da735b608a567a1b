//! A table that is written to: the rows are gathered, then written together.

use std::ffi::{CStr, CString, c_int};
use std::ptr;

use pgrx::{IntoDatum, PgTupleDesc, direct_function_call_as_datum, pg_sys};

use super::Cell;
use super::trigger::Triggers;
use crate::backend::cache;

pub(super) struct Target {
    relation: pg_sys::Relation,
    columns: Vec<Column>,
    rows: Vec<*mut pg_sys::TupleTableSlot>,
}

struct Column {
    /// Its number in the table, from zero.
    index: usize,
    type_oid: pg_sys::Oid,
    /// The last value of an enum: the next one is mostly the same.
    last: Option<(&'static str, pg_sys::Datum)>,
}

impl Target {
    /// Opens a table as every INSERT does, and keeps its lock until the transaction ends.
    pub(super) fn open(table: &str, columns: &[&str]) -> Self {
        let Ok(name) = CString::new(table) else {
            unreachable!("a table's name has no NUL")
        };
        // SAFETY: a table of the extension, which `version::check` has found.
        let relation =
            unsafe { pg_sys::table_open(cache::oid(&name), pg_sys::RowExclusiveLock as c_int) };
        // SAFETY: an open relation has a description; it is only looked at.
        let description = unsafe { PgTupleDesc::from_pg_unchecked((*relation).rd_att) };
        let names: Vec<(usize, &CStr, pg_sys::Oid)> = description
            .iter()
            .enumerate()
            .filter(|(_, attribute)| !attribute.attisdropped)
            // SAFETY: names in the catalog end with NUL.
            .map(|(index, attribute)| unsafe {
                (
                    index,
                    CStr::from_ptr(attribute.attname.data.as_ptr()),
                    attribute.atttypid,
                )
            })
            .collect();
        // The columns come in the order of the table: each is found at once, or a few steps on.
        let mut from = 0;
        let columns = columns
            .iter()
            .map(|column| {
                let is_it = |place: &usize| names[*place].1.to_bytes() == column.as_bytes();
                let Some(place) = (from..names.len()).chain(0..from).find(is_it) else {
                    unreachable!("{table} has a column {column}")
                };
                from = place + 1;
                Column {
                    index: names[place].0,
                    type_oid: names[place].2,
                    last: None,
                }
            })
            .collect();
        Self {
            relation,
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row: a value for each column.
    pub(super) fn add(&mut self, cells: impl Iterator<Item = Cell>) {
        // SAFETY: a slot for the table's rows, with room for each of its columns; the values live as long as the call.
        unsafe {
            let slot = pg_sys::MakeSingleTupleTableSlot(
                (*self.relation).rd_att,
                &raw const pg_sys::TTSOpsVirtual,
            );
            let count = (*(*self.relation).rd_att).natts as usize;
            let values = std::slice::from_raw_parts_mut((*slot).tts_values, count);
            let nulls = std::slice::from_raw_parts_mut((*slot).tts_isnull, count);
            nulls.fill(true);
            for (column, cell) in self.columns.iter_mut().zip(cells) {
                let value = match cell {
                    Cell::Null => continue,
                    Cell::Value(value) => value,
                    Cell::Label(label) => column.labelled(label),
                };
                values[column.index] = value;
                nulls[column.index] = false;
            }
            pg_sys::ExecStoreVirtualTuple(slot);
            self.rows.push(slot);
        }
    }

    /// Writes the rows, and their index entries.
    pub(super) fn write(mut self) {
        // SAFETY: what the executor does for an INSERT, with rows that fit the table. An error aborts the transaction, which
        // releases whatever is held here.
        unsafe {
            pg_sys::PreventCommandIfReadOnly(c"INSERT".as_ptr());
            let estate = pg_sys::CreateExecutorState();
            let info = self.result_relation(estate);
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
            for row in &self.rows {
                (**row).tts_tableOid = (*self.relation).rd_id;
                pg_sys::ExecConstraints(info, *row, estate);
            }
            let command = pg_sys::GetCurrentCommandId(true);
            let (rows, count) = (self.rows.as_mut_ptr(), self.rows.len() as c_int);
            pg_sys::heap_multi_insert(self.relation, rows, count, command, 0, ptr::null_mut());
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
            pg_sys::table_close(self.relation, pg_sys::NoLock as c_int);
            pg_sys::CommandCounterIncrement();
        }
    }

    /// What the executor knows of a table that it writes to; it closes its indexes again.
    ///
    /// # Safety
    /// The state lives as long as it.
    unsafe fn result_relation(&self, estate: *mut pg_sys::EState) -> *mut pg_sys::ResultRelInfo {
        // SAFETY: a node of the size that its tag says, for an open table.
        unsafe {
            let size = size_of::<pg_sys::ResultRelInfo>();
            let info = pg_sys::palloc0(size).cast::<pg_sys::ResultRelInfo>();
            (*info).type_ = pg_sys::NodeTag::T_ResultRelInfo;
            pg_sys::InitResultRelInfo(info, self.relation, 0, ptr::null_mut(), 0);
            pg_sys::ExecOpenIndices(info, false);
            let opened = (*estate).es_opened_result_relations;
            (*estate).es_opened_result_relations = pg_sys::lappend(opened, info.cast());
            info
        }
    }
}

impl Column {
    fn labelled(&mut self, label: &'static str) -> pg_sys::Datum {
        if let Some((last, value)) = self.last
            && ptr::eq(last, label)
        {
            return value;
        }
        let Ok(text) = CString::new(label) else {
            unreachable!("a label has no NUL")
        };
        // SAFETY: the input function of enums takes a label and the type.
        let value = unsafe {
            direct_function_call_as_datum(
                pg_sys::enum_in,
                &[text.as_c_str().into_datum(), self.type_oid.into_datum()],
            )
        };
        match value {
            Some(value) => {
                self.last = Some((label, value));
                value
            }
            None => unreachable!("a label stands for a value"),
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
