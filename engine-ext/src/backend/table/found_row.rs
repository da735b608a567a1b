//! Rows that are there: found by their primary key (shard, run id), then changed or deleted.

use std::ffi::c_int;
use std::ptr;

use engine_core::Shard;
use pgrx::{IntoDatum, pg_sys};

use super::Cell;
use super::relation::{Column, Relation, fill};

/// Rows of a table whose primary key is (shard, run_id).
pub(super) struct FoundRows {
    relation: Relation,
    estate: *mut pg_sys::EState,
    info: *mut pg_sys::ResultRelInfo,
    /// Takes a row that is found.
    found: *mut pg_sys::TupleTableSlot,
    keys: [pg_sys::ScanKeyData; 2],
    look: Look,
}

/// A look into the primary key.
struct Look {
    snapshot: pg_sys::Snapshot,
    scan: pg_sys::IndexScanDesc,
}

impl FoundRows {
    /// The rows of a plain table.
    pub(super) fn of(table: &str, shard: Shard) -> Self {
        let relation = Relation::open(table);
        debug_assert!(relation.is_plain(), "triggers of {table} would not run");
        // SAFETY: an open table; `close` closes what is opened here, and an error the transaction.
        unsafe {
            let estate = pg_sys::CreateExecutorState();
            let info = relation.result_relation(estate);
            let found = pg_sys::table_slot_create(relation.relation, ptr::null_mut());
            Self {
                look: Look::begin(relation.relation, info),
                keys: [
                    key(1, pg_sys::F_INT2EQ, shard.number().into_datum()),
                    key(2, pg_sys::F_TEXTEQ, None),
                ],
                relation,
                estate,
                info,
                found,
            }
        }
    }

    pub(super) fn columns(&self, columns: &[&str]) -> Vec<Column> {
        self.relation.columns(columns)
    }

    /// Changes the row of a run, which this transaction has locked; false if there is none. The other columns stay as they are.
    pub(super) fn change(
        &mut self,
        run_id: &str,
        columns: &mut [Column],
        cells: impl Iterator<Item = Cell>,
    ) -> bool {
        if !self.find(run_id) {
            return false;
        }
        // SAFETY: what a subscriber does for an UPDATE. The values of the row that was found live until the next is.
        unsafe {
            pg_sys::slot_getallattrs(self.found);
            let row = self.relation.row();
            let count = (*(*self.relation.relation).rd_att).natts as usize;
            ptr::copy_nonoverlapping((*self.found).tts_values, (*row).tts_values, count);
            ptr::copy_nonoverlapping((*self.found).tts_isnull, (*row).tts_isnull, count);
            fill(row, columns, cells);
            pg_sys::ExecStoreVirtualTuple(row);
            (*row).tts_tableOid = (*self.relation.relation).rd_id;
            let mut alone = pg_sys::EPQState::default();
            pg_sys::EvalPlanQualInit(
                &raw mut alone,
                self.estate,
                ptr::null_mut(),
                ptr::null_mut(),
                -1,
                #[cfg(not(any(feature = "pg14", feature = "pg15")))]
                ptr::null_mut(),
            );
            pg_sys::ExecSimpleRelationUpdate(
                self.info,
                self.estate,
                &raw mut alone,
                self.found,
                row,
            );
            pg_sys::ExecDropSingleTupleTableSlot(row);
        }
        true
    }

    /// Deletes the row of a run; false if there is none. Waits for a session that has changed it.
    pub(super) fn delete(&mut self, run_id: &str) -> bool {
        while self.find(run_id) {
            // SAFETY: a row of the table.
            let result = unsafe {
                let mut failure = pg_sys::TM_FailureData::default();
                pg_sys::heap_delete(
                    self.relation.relation,
                    &raw mut (*self.found).tts_tid,
                    pg_sys::GetCurrentCommandId(true),
                    ptr::null_mut(),
                    true,
                    &raw mut failure,
                    false,
                )
            };
            match result {
                pg_sys::TM_Result::TM_Ok => return true,
                // Another session has changed or deleted it: what has become of it is seen now.
                pg_sys::TM_Result::TM_Updated | pg_sys::TM_Result::TM_Deleted => {
                    self.look.begin_again(self.relation.relation, self.info);
                }
                _ => unreachable!("a row is deleted once"),
            }
        }
        false
    }

    /// A boolean of the row that was found last.
    pub(super) fn is_set(&self, column: &Column) -> bool {
        // SAFETY: the row is held until the next one is found; the compiler has seen that the column is a boolean, and not null.
        unsafe {
            pg_sys::slot_getallattrs(self.found);
            (*(*self.found).tts_values.add(column.index)).value() != 0
        }
    }

    /// Whether the row that was found last has a value in a column.
    pub(super) fn has(&self, column: &Column) -> bool {
        // SAFETY: the row is held until the next one is found.
        unsafe {
            pg_sys::slot_getallattrs(self.found);
            !*(*self.found).tts_isnull.add(column.index)
        }
    }

    /// Whether there is a row of a run.
    fn find(&mut self, run_id: &str) -> bool {
        let Some(id) = run_id.into_datum() else {
            unreachable!("a text is a value")
        };
        self.keys[1].sk_argument = id;
        // SAFETY: the keys are those of the index; the scan copies them.
        unsafe {
            let (scan, count) = (self.look.scan, self.keys.len() as c_int);
            pg_sys::index_rescan(scan, self.keys.as_mut_ptr(), count, ptr::null_mut(), 0);
            let forward = pg_sys::ScanDirection::ForwardScanDirection;
            pg_sys::index_getnext_slot(scan, forward, self.found)
        }
    }

    /// Ends: later statements of the transaction see the changes.
    pub(super) fn close(self) {
        // SAFETY: what `of` has opened.
        unsafe {
            pg_sys::ExecDropSingleTupleTableSlot(self.found);
            self.look.end();
            pg_sys::ExecCloseResultRelations(self.estate);
            pg_sys::FreeExecutorState(self.estate);
            self.relation.close();
            pg_sys::CommandCounterIncrement();
        }
    }
}

impl Look {
    /// # Safety
    /// What the executor knows of this table.
    unsafe fn begin(relation: pg_sys::Relation, info: *mut pg_sys::ResultRelInfo) -> Self {
        // SAFETY: the caller's.
        unsafe {
            let indexes = std::slice::from_raw_parts(
                (*info).ri_IndexRelationDescs,
                (*info).ri_NumIndices as usize,
            );
            let Some(primary) = indexes
                .iter()
                .find(|index| (*(***index).rd_index).indisprimary)
            else {
                unreachable!("the table has a primary key")
            };
            let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetTransactionSnapshot());
            let scan = pg_sys::index_beginscan(
                relation,
                *primary,
                snapshot,
                #[cfg(feature = "pg18")]
                ptr::null_mut(),
                2,
                0,
            );
            Self { snapshot, scan }
        }
    }

    /// Looks with a later snapshot.
    fn begin_again(&mut self, relation: pg_sys::Relation, info: *mut pg_sys::ResultRelInfo) {
        // SAFETY: both are open.
        unsafe {
            self.end();
            *self = Self::begin(relation, info);
        }
    }

    /// # Safety
    /// Nothing looks with it afterwards.
    unsafe fn end(&self) {
        // SAFETY: both are open.
        unsafe {
            pg_sys::index_endscan(self.scan);
            pg_sys::UnregisterSnapshot(self.snapshot);
        }
    }
}

/// A column of the primary key that equals a value.
pub(super) fn key(number: i16, equals: u32, value: Option<pg_sys::Datum>) -> pg_sys::ScanKeyData {
    let mut key = pg_sys::ScanKeyData::default();
    // SAFETY: an operator's function of Postgres; texts are compared by the collation "C", as the columns are.
    unsafe {
        pg_sys::ScanKeyInit(
            &raw mut key,
            number,
            pg_sys::BTEqualStrategyNumber as u16,
            pg_sys::Oid::from(equals),
            value.unwrap_or(pg_sys::Datum::null()),
        );
    }
    key
}
