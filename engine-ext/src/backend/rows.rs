//! Rows that functions return.
//!
//! A function returns `Rows<R>`, where `R` is a `row!`: a struct whose fields are the columns that `sql/function` declares, in
//! their order. They are returned all together, with the description that the caller has of them: pgrx's own tables have at most
//! 32 columns, and build a new description for each call, which costs as much as finding a run.

#![allow(unsafe_code)]

use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::datum::Datum;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{IntoDatum, PgMemoryContexts, pg_sys};

/// A value of a row; none for NULL.
pub(crate) type Cell = Option<pg_sys::Datum>;

/// One column, or several: a row may be part of another one.
pub(crate) trait Columns {
    /// How many they are.
    const COUNT: usize;

    /// Appends their values.
    fn append_to(self, cells: &mut Vec<Cell>);
}

impl<T: IntoDatum> Columns for T {
    const COUNT: usize = 1;

    fn append_to(self, cells: &mut Vec<Cell>) {
        cells.push(self.into_datum());
    }
}

/// Part of a row that some rows have; the others have nulls there.
pub(crate) struct Part<R>(pub(crate) Option<R>);

impl<R: Columns> Columns for Part<R> {
    const COUNT: usize = R::COUNT;

    fn append_to(self, cells: &mut Vec<Cell>) {
        match self.0 {
            Some(part) => part.append_to(cells),
            None => cells.extend((0..R::COUNT).map(|_| None)),
        }
    }
}

/// Declares rows that functions return.
macro_rules! row {
    ($($(#[$attribute:meta])* $name:ident { $($column:ident: $type:ty,)+ })+) => {$(
        $(#[$attribute])*
        pub(crate) struct $name {
            $(pub(crate) $column: $type,)+
        }

        impl $crate::backend::rows::Columns for $name {
            const COUNT: usize = 0 $(+ <$type as $crate::backend::rows::Columns>::COUNT)+;

            fn append_to(self, cells: &mut Vec<$crate::backend::rows::Cell>) {
                $($crate::backend::rows::Columns::append_to(self.$column, cells);)+
            }
        }
    )+};
}

pub(crate) use row;

/// The rows of a call.
pub(crate) struct Rows<R>(Box<dyn Iterator<Item = R>>);

impl<R: 'static> Rows<R> {
    /// Returns these rows.
    pub(crate) fn new(rows: impl IntoIterator<Item = R> + 'static) -> Self {
        Self(Box::new(rows.into_iter()))
    }

    /// Returns one row.
    pub(crate) fn one(row: R) -> Self {
        Self::new([row])
    }
}

// SAFETY: no SQL is made from it: `sql/function` declares what functions return.
unsafe impl<R> SqlTranslatable for Rows<R> {
    const TYPE_IDENT: &'static str = "record";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Err(ArgumentError::Table);
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("record")));
}

// SAFETY: the rows are returned as Postgres takes them from functions that return a set all together.
unsafe impl<R: Columns> BoxRet for Rows<R> {
    unsafe fn box_into<'call>(self, call: &mut FcInfo<'call>) -> Datum<'call> {
        // SAFETY: Postgres says there how it takes the rows, and what they are like; everything that is made for it lives in the
        // memory that it keeps for the query.
        let (store, description) = unsafe {
            let result = (*call.as_mut_ptr())
                .resultinfo
                .cast::<pg_sys::ReturnSetInfo>();
            assert!(!result.is_null(), "the caller takes rows");
            let memory = (*(*result).econtext).ecxt_per_query_memory;
            let (store, description) = PgMemoryContexts::For(memory).switch_to(|_| {
                let store = pg_sys::tuplestore_begin_heap(false, false, pg_sys::work_mem);
                let description = pg_sys::CreateTupleDescCopy((*result).expectedDesc);
                (store, description)
            });
            (*result).returnMode = pg_sys::SetFunctionReturnMode::SFRM_Materialize;
            (*result).setResult = store;
            (*result).setDesc = description;
            assert_eq!((*description).natts as usize, R::COUNT, "columns");
            (store, description)
        };
        let mut cells = Vec::with_capacity(R::COUNT);
        for row in self.0 {
            row.append_to(&mut cells);
            let mut nulls: Vec<bool> = cells.iter().map(Option::is_none).collect();
            let mut values: Vec<pg_sys::Datum> = cells
                .drain(..)
                .map(|cell| cell.unwrap_or(pg_sys::Datum::null()))
                .collect();
            // SAFETY: as many values as columns; a test compares their types.
            unsafe {
                pg_sys::tuplestore_putvalues(
                    store,
                    description,
                    values.as_mut_ptr(),
                    nulls.as_mut_ptr(),
                );
            }
        }
        // SAFETY: what is returned beside the rows is not looked at.
        unsafe { call.return_raw_datum(pg_sys::Datum::null()) }
    }
}
