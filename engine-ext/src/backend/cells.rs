//! Reads rows of results from SPI.

#![allow(unsafe_code)]

use std::ffi::c_int;

use engine_core::{
    BatchId, BatchStatus, EnvironmentType, ExecutionStatus, RunId, RunStatus, Shard, SnapshotId,
    TimerKind, Timestamp, Transition, WaitpointId, WaitpointStatus, WaitpointType,
};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{FromDatum, pg_sys};
use serde_json::Value;

use crate::document::{JsonB, Stored};

/// One row of a result, valid while it is decoded.
pub(crate) struct Cells {
    tuple: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
    next: c_int,
}

impl Cells {
    pub(super) fn new(tuple: pg_sys::HeapTuple, descriptor: pg_sys::TupleDesc) -> Self {
        Self {
            tuple,
            descriptor,
            next: 0,
        }
    }

    /// The value of the next column, copied out of SPI's memory; `None` for NULL.
    pub(crate) fn nullable<T: FromCell>(&mut self) -> Option<T> {
        self.next += 1;
        let mut is_null = false;
        // SAFETY: tuple and descriptor belong to the result that `Statement::query` is reading.
        let datum =
            unsafe { pg_sys::SPI_getbinval(self.tuple, self.descriptor, self.next, &mut is_null) };
        // SAFETY: the statement's file determines the column's type, and the caller uses that one.
        let native = unsafe { T::Native::from_datum(datum, is_null) };
        native.map(T::from_native)
    }

    /// The value of the next column, which is never NULL.
    pub(crate) fn value<T: FromCell>(&mut self) -> T {
        match self.nullable() {
            Some(value) => value,
            None => unreachable!("column {} is declared not null", self.next),
        }
    }
}

/// Types that a column can be read as.
pub(crate) trait FromCell {
    /// Its type in pgrx.
    type Native: FromDatum;

    fn from_native(native: Self::Native) -> Self;
}

macro_rules! natives {
    ($($native:ty),* $(,)?) => {$(
        impl FromCell for $native {
            type Native = Self;

            fn from_native(native: Self) -> Self {
                native
            }
        }
    )*};
}

natives!(
    bool,
    i16,
    i32,
    i64,
    f64,
    String,
    Vec<String>,
    TimestampWithTimeZone,
    JsonB,
    Stored,
);

macro_rules! ids {
    ($($name:ty),* $(,)?) => {$(
        impl FromCell for $name {
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
        impl FromCell for $name {
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
);

impl FromCell for Timestamp {
    type Native = TimestampWithTimeZone;

    fn from_native(native: TimestampWithTimeZone) -> Self {
        Self::from_micros(native.into())
    }
}

impl FromCell for Shard {
    type Native = i16;

    fn from_native(native: i16) -> Self {
        match Self::new(native) {
            Some(shard) => shard,
            None => unreachable!("the table checks the shard"),
        }
    }
}

impl FromCell for Value {
    type Native = JsonB;

    fn from_native(native: JsonB) -> Self {
        native.0
    }
}
