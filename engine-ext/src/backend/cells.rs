//! Reads rows of results from SPI. The header of a statement names the columns of its result, with their types
//! (`-- -> run_id text, version text null`); a call reads them by these names, and the compiler compares names and types.

#![allow(unsafe_code)]

use std::ffi::c_int;
use std::marker::PhantomData;

use engine_core::{
    BatchId, BatchStatus, EnvironmentType, ExecutionStatus, RunId, RunStatus, Shard, ShardState,
    SnapshotId, TimerKind, Timestamp, Transition, WaitpointId, WaitpointStatus, WaitpointType,
};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{FromDatum, pg_sys};
use serde_json::Value;

use super::header::{
    BIGINT, BOOLEAN, DOUBLE_PRECISION, INTEGER, JSONB, SMALLINT, TEXT, TIMESTAMPTZ,
};
use crate::document::{JsonB, Stored};

/// One row of a result with the columns `C`, valid while it is decoded.
pub(crate) struct Cells<C> {
    tuple: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
    of: PhantomData<fn() -> C>,
}

/// Reads a column of a statement's result: `cell!(cells, FIND.run_id)`; without `cells`, a closure that does.
macro_rules! cell {
    ($columns:ident.$name:ident) => {
        |cells: &$crate::backend::cells::Cells<$columns>| {
            $crate::backend::cells::cell!(cells, $columns.$name)
        }
    };
    ($cells:expr, $columns:ident.$name:ident) => {
        $crate::backend::cells::cell!($cells, $columns.$name as _)
    };
    ($cells:expr, $columns:ident.$name:ident as $type:ty) => {{
        const COLUMN: (i32, $crate::backend::header::Kind) =
            $crate::backend::header::column($columns::COLUMNS, stringify!($name));
        $crate::backend::cells::Cells::<$columns>::read::<
            { COLUMN.1.of },
            { COLUMN.1.is_array },
            { COLUMN.1.is_nullable },
            $type,
        >($cells, COLUMN.0)
    }};
}
pub(crate) use cell;

impl<C> Cells<C> {
    pub(super) fn new(tuple: pg_sys::HeapTuple, descriptor: pg_sys::TupleDesc) -> Self {
        Self {
            tuple,
            descriptor,
            of: PhantomData,
        }
    }

    /// The value of a column, copied out of SPI's memory. Only [`cell!`] calls it, which knows number and type.
    pub(crate) fn read<const TYPE: u8, const IS_ARRAY: bool, const IS_NULLABLE: bool, V>(
        &self,
        number: c_int,
    ) -> V
    where
        V: Column<TYPE, IS_ARRAY, IS_NULLABLE>,
    {
        let mut is_null = false;
        // SAFETY: tuple and descriptor belong to the result that `Statement::query` is reading.
        let datum =
            unsafe { pg_sys::SPI_getbinval(self.tuple, self.descriptor, number, &mut is_null) };
        // SAFETY: the statement's header says the column's type, and the compiler has compared.
        let native = unsafe { V::Native::from_datum(datum, is_null) };
        match V::from_native(native) {
            Some(value) => value,
            None => unreachable!("column {number} is declared not null"),
        }
    }
}

/// A value of a column of the type `TYPE`, or of an array of it.
#[diagnostic::on_unimplemented(
    message = "a column of this type is not read as `{Self}`: see the header of the statement"
)]
pub(crate) trait Column<const TYPE: u8, const IS_ARRAY: bool, const IS_NULLABLE: bool>:
    Sized
{
    /// Its type in pgrx.
    type Native: FromDatum;

    /// `None` if a column that may not be NULL is.
    fn from_native(native: Option<Self::Native>) -> Option<Self>;
}

impl<const TYPE: u8, const IS_ARRAY: bool, V: FromCell<TYPE, IS_ARRAY>>
    Column<TYPE, IS_ARRAY, false> for V
{
    type Native = V::Native;

    fn from_native(native: Option<V::Native>) -> Option<Self> {
        native.map(V::from_native)
    }
}

impl<const TYPE: u8, const IS_ARRAY: bool, V: FromCell<TYPE, IS_ARRAY>> Column<TYPE, IS_ARRAY, true>
    for Option<V>
{
    type Native = V::Native;

    fn from_native(native: Option<V::Native>) -> Option<Self> {
        Some(native.map(V::from_native))
    }
}

/// Types that a column of the type `TYPE` can be read as.
pub(crate) trait FromCell<const TYPE: u8, const IS_ARRAY: bool = false> {
    /// Its type in pgrx.
    type Native: FromDatum;

    fn from_native(native: Self::Native) -> Self;
}

macro_rules! natives {
    ($($kind:ident: $native:ty),* $(,)?) => {$(
        impl FromCell<$kind> for $native {
            type Native = Self;

            fn from_native(native: Self) -> Self {
                native
            }
        }
    )*};
}

natives!(
    BOOLEAN: bool,
    SMALLINT: i16,
    INTEGER: i32,
    BIGINT: i64,
    DOUBLE_PRECISION: f64,
    TEXT: String,
    TIMESTAMPTZ: TimestampWithTimeZone,
    JSONB: JsonB,
    JSONB: Stored,
);

impl FromCell<TEXT, true> for Vec<String> {
    type Native = Self;

    fn from_native(native: Self) -> Self {
        native
    }
}

macro_rules! ids {
    ($($name:ty),* $(,)?) => {$(
        impl FromCell<TEXT> for $name {
            type Native = String;

            fn from_native(native: String) -> Self {
                Self::parse(&native)
            }
        }
    )*};
}

ids!(RunId, SnapshotId, WaitpointId, BatchId);

macro_rules! names {
    ($($name:ty),* $(,)?) => {$(
        impl FromCell<TEXT> for $name {
            type Native = String;

            fn from_native(native: String) -> Self {
                match Self::parse(&native) {
                    Some(value) => value,
                    None => unreachable!("{native} is no {}", stringify!($name)),
                }
            }
        }
    )*};
}

names!(
    RunStatus,
    ExecutionStatus,
    EnvironmentType,
    TimerKind,
    BatchStatus,
    WaitpointStatus,
    WaitpointType,
    Transition,
    ShardState,
);

impl FromCell<TIMESTAMPTZ> for Timestamp {
    type Native = TimestampWithTimeZone;

    fn from_native(native: TimestampWithTimeZone) -> Self {
        Self::from_micros(native.into())
    }
}

impl FromCell<SMALLINT> for Shard {
    type Native = i16;

    fn from_native(native: i16) -> Self {
        match Self::new(native) {
            Some(shard) => shard,
            None => unreachable!("the table checks the shard"),
        }
    }
}

impl FromCell<JSONB> for Value {
    type Native = JsonB;

    fn from_native(native: JsonB) -> Self {
        native.0
    }
}
