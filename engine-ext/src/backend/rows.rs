//! Rows that a function returns all together, for functions with more columns than pgrx can declare.
//!
//! The description of the rows is the caller's: building one anew for each call costs as much as finding a run.

#![allow(unsafe_code)]

use pgrx::{IntoDatum, PgMemoryContexts, pg_sys};

/// A value of a row; none for NULL.
pub(crate) type Cell = Option<pg_sys::Datum>;

/// A value of a row.
pub(crate) fn cell<T: IntoDatum>(value: T) -> Cell {
    value.into_datum()
}

/// Where the rows of a call go.
pub(crate) struct Rows {
    store: *mut pg_sys::Tuplestorestate,
    descriptor: pg_sys::TupleDesc,
}

impl Rows {
    /// The rows of this call of a function that `returns table`.
    pub(crate) fn of(call: pg_sys::FunctionCallInfo) -> Self {
        // SAFETY: Postgres says there how it takes the rows, and what they are like; everything that is made for it lives in the
        // memory that it keeps for the query.
        unsafe {
            let result = (*call).resultinfo.cast::<pg_sys::ReturnSetInfo>();
            assert!(!result.is_null(), "the caller takes rows");
            let memory = (*(*result).econtext).ecxt_per_query_memory;
            let (store, descriptor) = PgMemoryContexts::For(memory).switch_to(|_| {
                let store = pg_sys::tuplestore_begin_heap(false, false, pg_sys::work_mem);
                let descriptor = pg_sys::CreateTupleDescCopy((*result).expectedDesc);
                (store, descriptor)
            });
            (*result).returnMode = pg_sys::SetFunctionReturnMode::SFRM_Materialize;
            (*result).setResult = store;
            (*result).setDesc = descriptor;
            Self { store, descriptor }
        }
    }

    /// Adds a row; its values come in the order of the columns, and are copied.
    pub(crate) fn add(&self, values: &[Cell]) {
        // SAFETY: the description lives as long as the query.
        let columns = unsafe { (*self.descriptor).natts };
        assert_eq!(
            usize::try_from(columns),
            Ok(values.len()),
            "a value for each column"
        );
        let mut datums: Vec<pg_sys::Datum> = Vec::with_capacity(values.len());
        let mut nulls: Vec<bool> = Vec::with_capacity(values.len());
        for value in values {
            datums.push(value.unwrap_or_else(|| pg_sys::Datum::from(0)));
            nulls.push(value.is_none());
        }
        // SAFETY: as many values as there are columns, each of its type.
        unsafe {
            pg_sys::tuplestore_putvalues(
                self.store,
                self.descriptor,
                datums.as_ptr().cast_mut(),
                nulls.as_ptr().cast_mut(),
            );
        }
    }
}
