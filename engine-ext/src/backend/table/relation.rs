//! A table that is written to without a statement: its columns by name, and what the executor knows of it.

use std::ffi::{CStr, CString, c_int};
use std::ptr;

use pgrx::{IntoDatum, PgTupleDesc, direct_function_call_as_datum, pg_sys};

use super::Cell;
use crate::backend::cache;

/// An open table.
pub(super) struct Relation {
    pub(super) relation: pg_sys::Relation,
}

/// A column that gets values.
pub(super) struct Column {
    /// Its number in the table, from zero.
    pub(super) index: usize,
    type_oid: pg_sys::Oid,
    /// The last value of an enum: the next one is mostly the same.
    last: Option<(&'static str, pg_sys::Datum)>,
}

impl Relation {
    /// Opens a table as every statement that writes to it does. Its lock stays until the transaction ends.
    pub(super) fn open(table: &str) -> Self {
        let Ok(name) = CString::new(table) else {
            unreachable!("a table's name has no NUL")
        };
        // SAFETY: a table of the extension, which `version::check` has found.
        let relation =
            unsafe { pg_sys::table_open(cache::oid(&name), pg_sys::RowExclusiveLock as c_int) };
        Self { relation }
    }

    /// Whether it has no triggers and no rules.
    pub(super) fn is_plain(&self) -> bool {
        // SAFETY: an open table.
        let described = unsafe { &*self.relation };
        described.trigdesc.is_null() && described.rd_rules.is_null()
    }

    /// Finds columns by their names.
    pub(super) fn columns(&self, columns: &[&str]) -> Vec<Column> {
        // SAFETY: an open relation has a description; it is only looked at.
        let description = unsafe { PgTupleDesc::from_pg_unchecked((*self.relation).rd_att) };
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
        let find = |column: &&str| {
            let is_it = |place: &usize| names[*place].1.to_bytes() == column.as_bytes();
            let Some(place) = (from..names.len()).chain(0..from).find(is_it) else {
                unreachable!("the table has a column {column}")
            };
            from = place + 1;
            Column {
                index: names[place].0,
                type_oid: names[place].2,
                last: None,
            }
        };
        columns.iter().map(find).collect()
    }

    /// A row that is yet without values.
    ///
    /// # Safety
    /// The row is dropped before the table is closed.
    pub(super) unsafe fn row(&self) -> *mut pg_sys::TupleTableSlot {
        // SAFETY: a slot for the table's rows.
        unsafe {
            pg_sys::MakeSingleTupleTableSlot(
                (*self.relation).rd_att,
                &raw const pg_sys::TTSOpsVirtual,
            )
        }
    }

    /// What the executor knows of a table that it writes to; `ExecCloseResultRelations` closes its indexes again.
    ///
    /// # Safety
    /// The state lives as long as it.
    pub(super) unsafe fn result_relation(
        &self,
        estate: *mut pg_sys::EState,
    ) -> *mut pg_sys::ResultRelInfo {
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

    pub(super) fn close(self) {
        // SAFETY: open; the lock stays.
        unsafe { pg_sys::table_close(self.relation, pg_sys::NoLock as c_int) };
    }
}

/// Writes values into a row, whose other columns stay as they are.
///
/// # Safety
/// A row of the table of these columns; the values live as long as it.
pub(super) unsafe fn fill(
    row: *mut pg_sys::TupleTableSlot,
    columns: &mut [Column],
    cells: impl Iterator<Item = Cell>,
) {
    for (column, cell) in columns.iter_mut().zip(cells) {
        let value = match cell {
            Cell::Kept => continue,
            Cell::Null => None,
            Cell::Value(value) => Some(value),
            Cell::Label(label) => Some(column.labelled(label)),
        };
        // SAFETY: the caller's: a column of the row.
        unsafe {
            *(*row).tts_isnull.add(column.index) = value.is_none();
            *(*row).tts_values.add(column.index) = value.unwrap_or(pg_sys::Datum::null());
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
